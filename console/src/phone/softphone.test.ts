import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { call, desk } from "../test/desks";
import { microphoneOf } from "./devices";
import { loudness } from "./meter";
import { Softphone, preferred } from "./softphone";

test("what a telephone speaks comes first, and only what the gateway knows is offered", () => {
  const codecs = ["audio/opus", "audio/red", "audio/G722", "audio/PCMU", "audio/PCMA", "audio/CN"].map((mimeType) => ({ mimeType }));
  expect(preferred(codecs).map((codec) => codec.mimeType)).toEqual(["audio/PCMU", "audio/PCMA", "audio/opus"]);
});

test("each way in which a microphone fails has a word of its own", () => {
  const word = (name: string): string => microphoneOf(new DOMException("", name));
  expect(["NotAllowedError", "NotFoundError", "NotReadableError", "SecurityError"].map(word)).toEqual(["refused", "missing", "busy", "insecure"]);
  expect(microphoneOf(new Error("?"))).toBe("broken");
});

test("loudness goes by decibels, from nothing to full", () => {
  const tone = (height: number): number => loudness(Float32Array.from({ length: 512 }, (_, n) => height * Math.sin(n)));
  expect(loudness(new Float32Array(512))).toBe(0);
  expect(tone(0.001)).toBe(0);
  expect(tone(0.1)).toBeGreaterThan(0.5);
  expect(tone(1)).toBeGreaterThan(tone(0.1));
});

class FakePeer {
  static all: FakePeer[] = [];
  closed = false;
  remote = "";
  ontrack: unknown = null;
  connectionState = "connected";
  onconnectionstatechange: (() => void) | null = null;
  becomes(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  constructor() {
    FakePeer.all.push(this);
  }
  addTransceiver = (): object => ({ setCodecPreferences: () => {} });
  /** The tracks that took the place of the first. */
  sends: object[] = [];
  getSenders = (): object[] => [{ replaceTrack: (track: object) => Promise.resolve(void this.sends.push(track)) }];
  createOffer = (): Promise<object> => Promise.resolve({ type: "offer", sdp: "v=0 offer" });
  setLocalDescription = (): Promise<void> => Promise.resolve();
  setRemoteDescription = ({ sdp }: { sdp: string }): Promise<void> => {
    this.remote = sdp;
    return Promise.resolve();
  };
  close(): void {
    this.closed = true;
  }
}

interface Sent {
  method: string | undefined;
  url: string;
  kind: string | undefined;
  keepalive: boolean | undefined;
}
let sent: Sent[] = [];
interface FakeTrack {
  enabled: boolean;
  readyState: string;
  stop: () => void;
  onended: (() => void) | null;
}
let microphone: (wanted: MediaStreamConstraints) => Promise<MediaStream>;
let track: FakeTrack;
let devices: { kind: string; deviceId: string; label: string }[] = [];
let plug: () => void = () => {};
/** Where the page is asked to sound. */
let sinks: string[] = [];
const aTrack = (): FakeTrack => ({ enabled: true, readyState: "live", stop: vi.fn(), onended: null });
const streamOf = (only: FakeTrack): MediaStream => ({ getAudioTracks: () => [only], getTracks: () => [only] }) as unknown as MediaStream;
const failures: unknown[] = [];

beforeEach(() => {
  sent = [];
  failures.length = 0;
  FakePeer.all = [];
  track = aTrack();
  microphone = () => Promise.resolve(streamOf(track));
  [devices, sinks] = [[], []];
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("RTCRtpReceiver", { getCapabilities: () => ({ codecs: [] }) });
  vi.stubGlobal("Audio", class { play = () => Promise.resolve(); srcObject = null; });
  Object.defineProperty(navigator, "mediaDevices", {
    configurable: true,
    value: {
      getUserMedia: (wanted: MediaStreamConstraints) => microphone(wanted),
      enumerateDevices: () => Promise.resolve(devices),
      addEventListener: (_: string, listener: () => void) => (plug = listener),
      removeEventListener() {},
    },
  });
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const headers = init.headers as Record<string, string> | undefined;
    sent.push({ method: init.method, url, kind: headers?.["content-type"], keepalive: init.keepalive });
    const at = { location: "/api/v1/desk/phone/c1/7" };
    return Promise.resolve(init.method === "POST" ? new Response("v=0 answer", { status: 201, headers: at }) : new Response(null, { status: 204 }));
  });
});
afterEach(() => vi.unstubAllGlobals());

/** A phone in a call. */
async function inCall(): Promise<Softphone> {
  const phone = new Softphone((error) => failures.push(error));
  phone.start();
  phone.follow(inPage("offered"));
  await phone.answer("c1");
  return phone;
}

const inPage = (phase: "offered" | "talking" | "wrapup") => {
  const shown = desk({ call: call({ phase }) }, phase);
  return { ...shown, agent: { ...shown.agent, phone: "browser" } };
};

test("a click answers what rings, and the end that the desk shows closes the connection", async () => {
  const phone = new Softphone((error) => failures.push(error));
  phone.start();
  phone.follow(inPage("offered"));
  await phone.answer("c1");
  expect(sent).toEqual([{ method: "POST", url: "/api/v1/desk/phone/c1", kind: "application/sdp", keepalive: undefined }]);
  expect([FakePeer.all.length, FakePeer.all[0]?.remote, phone.snapshot().call?.phase]).toEqual([1, "v=0 answer", "up"]);
  phone.follow(inPage("talking"));
  phone.mute(true);
  expect([track.enabled, phone.snapshot().call?.muted]).toEqual([false, true]);
  phone.follow(inPage("wrapup"));
  expect([FakePeer.all[0]?.closed, phone.snapshot().call]).toEqual([true, null]);
  expect(track.stop).toHaveBeenCalled();
  // Nothing is asked of the gateway: it knows.
  expect(sent).toHaveLength(1);
  phone.stop();
});

test("what is not connected is not said to be, and a connection that fails gives the caller back", async () => {
  const phone = new Softphone((error) => failures.push(error));
  phone.follow(inPage("offered"));
  await vi.waitFor(() => expect(FakePeer.all).toHaveLength(1));
  const [peer] = FakePeer.all;
  if (!peer) throw new Error("no connection");
  peer.connectionState = "connecting";
  await phone.answer("c1");
  expect(phone.snapshot().call?.phase).toBe("answering");
  peer.becomes("connected");
  expect(phone.snapshot().call?.phase).toBe("up");
  peer.becomes("failed");
  expect([peer.closed, phone.snapshot().call, failures.length]).toEqual([true, null, 1]);
  expect(sent.at(-1)?.url).toBe("/api/v1/desk/phone/c1/7?gone=true");
});

test("a page that goes says so, and lets go of the microphone", async () => {
  const phone = new Softphone((error) => failures.push(error));
  phone.start();
  phone.follow(inPage("offered"));
  await phone.answer("c1");
  window.dispatchEvent(new Event("pagehide"));
  expect(sent.at(-1)).toEqual({ method: "DELETE", url: "/api/v1/desk/phone/c1/7?gone=true", kind: undefined, keepalive: true });
  expect([FakePeer.all[0]?.closed, phone.snapshot().call]).toEqual([true, null]);
  phone.stop();
});

test("a refused microphone is told while it rings, nothing is sent, and the next try may work", async () => {
  const works = microphone;
  microphone = () => Promise.reject(new DOMException("", "NotAllowedError"));
  const phone = new Softphone((error) => failures.push(error));
  phone.follow(inPage("offered"));
  await phone.answer("c1");
  expect([phone.snapshot().microphone, phone.snapshot().call, sent.length]).toEqual(["refused", null, 0]);
  microphone = works;
  await phone.answer("c1");
  expect([phone.snapshot().microphone, phone.snapshot().call?.phase]).toEqual(["ready", "up"]);
  phone.stop();
});

test("what rang and was taken elsewhere leaves nothing open", async () => {
  const phone = new Softphone((error) => failures.push(error));
  phone.follow(inPage("offered"));
  phone.follow(desk());
  await vi.waitFor(() => expect(track.stop).toHaveBeenCalled());
  expect(FakePeer.all.every((peer) => peer.closed)).toBe(true);
});

test("mute takes the sound from the track, and gives it back", async () => {
  const phone = await inCall();
  phone.mute(true);
  expect([track.enabled, phone.snapshot().call?.muted]).toEqual([false, true]);
  phone.mute(false);
  expect([track.enabled, phone.snapshot().call?.muted]).toEqual([true, false]);
  phone.stop();
});

test("another microphone takes the place of the first in the middle of a call, muted if that was, and is the one of the next call", async () => {
  const phone = await inCall();
  const [first, second] = [track, aTrack()];
  const wanted: unknown[] = [];
  microphone = ({ audio }) => {
    wanted.push((audio as MediaTrackConstraints).deviceId);
    return Promise.resolve(streamOf(second));
  };
  phone.mute(true);
  await phone.chooseInput("headset");
  expect([wanted, FakePeer.all[0]?.sends]).toEqual([[{ ideal: "headset" }], [second]]);
  expect(first.stop).toHaveBeenCalled();
  expect([second.enabled, phone.snapshot().input]).toEqual([false, "headset"]);
  phone.mute(false);
  expect(second.enabled).toBe(true);
  expect(second.stop).not.toHaveBeenCalled();
  phone.stop();
  expect(second.stop).toHaveBeenCalled();
  const next = await inCall();
  expect(wanted).toEqual([{ ideal: "headset" }, { ideal: "headset" }]);
  next.stop();
});

test("a microphone that cannot be had leaves the call the one it has", async () => {
  const phone = await inCall();
  microphone = () => Promise.reject(new DOMException("", "NotReadableError"));
  await phone.chooseInput("webcam");
  expect([FakePeer.all[0]?.sends, phone.snapshot().microphone, phone.snapshot().call?.phase]).toEqual([[], "busy", "up"]);
  expect(track.stop).not.toHaveBeenCalled();
  phone.stop();
});

test("a microphone that is unplugged in a call is replaced by another one, or told, and the next one that is plugged in is taken", async () => {
  const phone = await inCall();
  const [second, third] = [aTrack(), aTrack()];
  microphone = () => Promise.resolve(streamOf(second));
  track.onended?.();
  await vi.waitFor(() => expect(FakePeer.all[0]?.sends).toEqual([second]));
  microphone = () => Promise.reject(new DOMException("", "NotFoundError"));
  second.onended?.();
  await vi.waitFor(() => expect(phone.snapshot().microphone).toBe("missing"));
  expect(phone.snapshot().call?.phase).toBe("up");
  microphone = () => Promise.resolve(streamOf(third));
  plug();
  await vi.waitFor(() => expect(FakePeer.all[0]?.sends).toEqual([second, third]));
  expect(phone.snapshot().microphone).toBe("ready");
  phone.stop();
});

test("a microphone that was unplugged while it rang is replaced as soon as there is a call", async () => {
  const phone = new Softphone((error) => failures.push(error));
  phone.follow(inPage("offered"));
  const second = aTrack();
  await vi.waitFor(() => expect(FakePeer.all).toHaveLength(1));
  track.readyState = "ended";
  microphone = () => Promise.resolve(streamOf(second));
  await phone.answer("c1");
  await vi.waitFor(() => expect(FakePeer.all[0]?.sends).toEqual([second]));
  phone.stop();
});

/** A browser that lets a page choose among these; what it does not know, it refuses. */
function letsChoose(...known: string[]): void {
  const setSinkId = (id: string): Promise<void> => {
    sinks.push(id);
    return ["", ...known].includes(id) ? Promise.resolve() : Promise.reject(new DOMException("", "NotFoundError"));
  };
  vi.stubGlobal("Audio", class { play = () => Promise.resolve(); srcObject = null; setSinkId = setSinkId; });
}

test("the headset that is chosen is where callers are heard, at once and in the next call", async () => {
  letsChoose("headset");
  const phone = await inCall();
  await phone.chooseOutput("headset");
  expect([sinks, phone.snapshot().output, phone.snapshot().choosesOutput, failures]).toEqual([["headset"], "headset", true, []]);
  phone.stop();
  vi.stubGlobal("MediaStream", class {});
  const next = await inCall();
  (FakePeer.all[1]?.ontrack as (event: object) => void)({ track: {} });
  await vi.waitFor(() => expect(sinks).toEqual(["headset", "headset"]));
  next.stop();
});

test("a headset that is gone is told, and the usual place is where callers are heard", async () => {
  letsChoose();
  const phone = await inCall();
  await phone.chooseOutput("gone");
  expect([sinks, phone.snapshot().output]).toEqual([["gone", ""], ""]);
  expect(failures.map((error) => (error as { code: string }).code)).toEqual(["no_output"]);
  phone.stop();
});

test("where a browser lets no page choose, that is known", async () => {
  const phone = new Softphone((error) => failures.push(error));
  devices = ["a", "b"].map((deviceId) => ({ kind: "audiooutput", deviceId, label: deviceId }));
  await phone.prepare();
  await vi.waitFor(() => expect(phone.snapshot().outputs).toHaveLength(2));
  expect(phone.snapshot().choosesOutput).toBe(false);
});
