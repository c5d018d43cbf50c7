import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { desk } from "../test/desks";
import { Live, readFrame } from "./live";

/** A socket that does what the test says. */
class FakeSocket {
  static all: FakeSocket[] = [];
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number }) => void) | null = null;
  constructor(readonly url: URL) {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {}
  says(seq: number, type: string, data: unknown): void {
    this.onmessage?.({ data: JSON.stringify({ seq, type, data }) });
  }
}
const socket = (index: number): FakeSocket => {
  const found = FakeSocket.all[index];
  if (!found) throw new Error(`there is no socket ${index}`);
  return found;
};

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", { status: 200 })));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("shows the desk, comes back after a loss where it was, and watches the wall again", async () => {
  const live = new Live(() => {});
  live.start();
  live.watchWall(true);
  socket(0).onopen?.();
  expect(socket(0).sent).toEqual(['{"watch":"wall"}']);
  socket(0).says(11, "desk", desk());
  expect(live.snapshot().desk?.agent.name).toBe("mei");

  socket(0).onclose?.({ code: 1006 });
  expect(live.snapshot().link.phase).toBe("waiting");
  await vi.advanceTimersByTimeAsync(400);
  expect(socket(1).url.search).toBe("?after=11");
  socket(1).onopen?.();
  expect(socket(1).sent).toEqual(['{"watch":"wall"}']);
  live.stop();
});

test("notices a connection that died without a word", async () => {
  const live = new Live(() => {});
  live.start();
  socket(0).onopen?.();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  await vi.advanceTimersByTimeAsync(26_000);
  expect(live.snapshot().link.phase).not.toBe("open");
  live.stop();
});

test("an answer that is older than an event does not overwrite it", async () => {
  const live = new Live(() => {});
  live.start();
  socket(0).onopen?.();
  let answer: (response: Response) => void = () => {};
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
  const asked = live.desk("/presence", { state: "available" });
  socket(0).says(5, "desk", desk({}, "offered"));
  answer(new Response(JSON.stringify(desk({}, "available")), { status: 200 }));
  await asked;
  expect(live.snapshot().desk?.agent.state).toBe("offered");
  live.stop();
});

test("frames that are none are left out", () => {
  expect([readFrame("x"), readFrame("[]"), readFrame("null"), readFrame(3), readFrame('{"seq":1}')]).toEqual([null, null, null, null, null]);
  expect(readFrame('{"type":"desk","data":1}')).toEqual({ seq: 0, type: "desk", data: 1 });
});
