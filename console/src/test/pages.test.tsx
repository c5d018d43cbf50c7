// Pages as an agent meets them, with a gateway that answers from a table.

import { MantineProvider } from "@mantine/core";
import { act, cleanup, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import { App } from "../App";
import type { Desk } from "../api/types";
import { tokenIn } from "../entry/token";
import { switchLanguage } from "../i18n";
import { suggestPassword } from "../users/password";
import { call, desk, turn } from "./desks";

interface Asked {
  method: string;
  path: string;
  body: unknown;
}

let asked: Asked[] = [];
let now: Desk = desk();
let answers: Record<string, () => Response> = {};

const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status });
const problem = (status: number, code: string, detail = ""): Response => json({ type: "about:blank", title: code, status, detail, code }, status);
const SESSION = { user: { name: "mei", display: "Mei", role: "agent", language: null }, agent: "mei" };

class SilentSocket {
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  asked = [];
  now = desk();
  answers = {
    "GET /session": () => json(SESSION),
    "GET /setup": () => json({ needed: false }),
    "GET /desk/history?call=c1": () => json([]),
    "POST /desk/draft": () => new Response(null, { status: 204 }),
    "POST /desk/wrong": () => new Response(null, { status: 204 }),
  };
  window.location.hash = "";
  vi.stubGlobal("WebSocket", SilentSocket);
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {} }));
  // Mantine asks the browser for these; happy-dom has none.
  Object.defineProperty(document, "fonts", { configurable: true, value: { addEventListener() {}, removeEventListener() {} } });
  vi.stubGlobal("ResizeObserver", class { observe() {} unobserve() {} disconnect() {} });
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const path = url.replace("/api/v1", "");
    const method = init.method ?? "GET";
    asked.push({ method, path, body: typeof init.body === "string" ? JSON.parse(init.body) : null });
    return Promise.resolve(answers[`${method} ${path}`]?.() ?? json(now));
  });
});

function open(): ReturnType<typeof userEvent.setup> {
  render(
    <MantineProvider env="test">
      <App setupToken={null} />
    </MantineProvider>,
  );
  return userEvent.setup();
}
const posted = (path: string): unknown[] => asked.filter((a) => a.method === "POST" && a.path === path).map((a) => a.body);

test("login: a wrong password is told with what to do, then the desk opens", async () => {
  answers["GET /session"] = () => problem(401, "no_session");
  answers["POST /session"] = () => problem(401, "wrong_password");
  const user = open();
  await user.type(await screen.findByLabelText("Login name"), "mei");
  await user.type(screen.getByLabelText("Password"), "nonsense{Enter}");
  expect(await screen.findByText(/Check both and try again/)).toBeTruthy();
  answers["POST /session"] = () => json(SESSION);
  await user.type(screen.getByLabelText("Password"), "right{Enter}");
  expect(await screen.findByText("Waiting for a call")).toBeTruthy();
});

test("a problem that this page does not know shows the gateway's own sentence", async () => {
  answers["GET /session"] = () => problem(401, "no_session");
  answers["POST /session"] = () => problem(418, "teapot", "The gateway is a teapot today.");
  const user = open();
  await user.type(await screen.findByLabelText("Login name"), "mei");
  await user.type(screen.getByLabelText("Password"), "x{Enter}");
  expect(await screen.findByText("The gateway is a teapot today.")).toBeTruthy();
});

test("keys change the presence, and do nothing while somebody writes", async () => {
  const user = open();
  await screen.findByText("Waiting for a call");
  await user.keyboard("3");
  await waitFor(() => expect(posted("/desk/presence")).toEqual([{ state: "away", reason: "lunch" }]));
  const field = document.createElement("input");
  document.body.append(field);
  field.focus();
  await user.keyboard("0");
  expect(posted("/desk/presence")).toHaveLength(1);
  field.remove();
});

test("single keys can be switched off, and the overlay stays within reach", async () => {
  const user = open();
  await screen.findByText("Waiting for a call");
  await user.keyboard("?");
  await user.click(await screen.findByRole("switch"));
  await user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await user.keyboard("0");
  expect(posted("/desk/presence")).toEqual([]);
  await user.keyboard("?");
  expect(await screen.findByRole("dialog")).toBeTruthy();
});

test("an offer shows who, what and why, where to pick up, and nothing that does not work", async () => {
  now = desk({ call: call({ phase: "offered" }) }, "offered");
  open();
  expect(await screen.findByText("Delivery is late")).toBeTruthy();
  expect(screen.getByText("asked for a person")).toBeTruthy();
  expect(screen.getByText("+44 7700 900123")).toBeTruthy();
  expect(screen.getByText("Pick up your phone:").parentElement?.textContent).toContain("sip:mei@192.0.2.15");
  expect(screen.queryByText("Hang up")).toBeNull();
  expect(screen.queryByText("Hold")).toBeNull();
});

test("both sides of the talk stand in the conversation, each with who said it, and the robot cannot be wrong in them", async () => {
  const turns = [turn(10_000, { text: "where is it" }), turn(1_010_000, { who: "agent", text: "I will look for it" })];
  now = desk({ call: call({ turns }) }, "talking");
  open();
  const said = await screen.findByText("I will look for it");
  expect(said.parentElement?.textContent).toContain("Agent");
  expect(said.closest(".turn")?.querySelector("button")).toBeNull();
  expect(screen.getByText("where is it").closest(".turn")?.textContent).toContain("Caller");
});

test("an earlier call tells what was answered after the talk", async () => {
  const earlier = { call: "c0", at: "2026-11-20T02:00:00Z", flow: "parcel", intent: null, because: null, disposition: "transferred", summary: null };
  answers["GET /desk/history?call=c1"] = () => json([{ ...earlier, after_talk: "four" }]);
  now = desk({ call: call({}) }, "talking");
  open();
  expect(await screen.findByText("Asked after the talk: four")).toBeTruthy();
});

test("where the phone is in the page, an offer is answered there", async () => {
  const shown = desk({ call: call({ phase: "offered" }) }, "offered");
  now = { ...shown, agent: { ...shown.agent, phone: "browser" } };
  const user = open();
  expect(await screen.findByRole("button", { name: /^Answer/ })).toBeTruthy();
  expect(screen.queryByText("Pick up your phone:")).toBeNull();
  // This browser has no microphone for a page without HTTPS.
  await user.keyboard("y");
  expect((await screen.findByText(/Without https/)).parentElement?.getAttribute("role")).toBe("alert");
  expect(posted("/desk/phone/c1")).toEqual([]);
});

test("sensitive words are shown as withheld", async () => {
  now = desk({ call: call({ turns: [turn(1, { sensitive: true, text: "4111" })] }) }, "talking");
  open();
  expect(await screen.findByText("Withheld: sensitive")).toBeTruthy();
  expect(screen.queryByText("4111")).toBeNull();
});

test("one key and a name send the call on", async () => {
  now = desk({ call: call() }, "talking");
  const user = open();
  await screen.findByText("Delivery is late");
  await user.keyboard("t");
  await user.type(await screen.findByRole("combobox", { name: "Queue or colleague" }), "an{Enter}");
  await waitFor(() => expect(posted("/desk/transfer")).toEqual([{ agent: "ann" }]));
});

test("one key brings the caller in, and then it is said who hears whom and how it ends", async () => {
  const consult = { with: "ann", asked: false, talking: true, three_way: false };
  now = desk({ call: call({ phase: "consulting", consult }) }, "talking");
  const user = open();
  await screen.findByText(/The caller hears nothing of it/);
  now = desk({ call: call({ phase: "consulting", consult: { ...consult, three_way: true } }) }, "talking");
  await user.keyboard("i");
  expect(await screen.findByText("You, ann and the caller hear each other.")).toBeTruthy();
  expect(screen.getByText("Three in the call")).toBeTruthy();
  expect(posted("/desk/consult/three-way")).toEqual([{}]);
  expect(screen.queryByRole("button", { name: /Bring the caller in/ })).toBeNull();
  await user.keyboard("g");
  await user.click(screen.getByRole("button", { name: /Leave the caller to your colleague/ }));
  await waitFor(() => expect(posted("/desk/consult/end")).toEqual([{ complete: false }, { complete: true }]));
});

test("one key and Enter send the caller back to a node of the flow", async () => {
  const back_to = [
    { name: "hours", label: "Opening hours" },
    { name: "pay_by_card", label: "Pay by card" },
  ];
  now = desk({ call: call({ back_to, card: { ...call().card, spoke_with: ["ann"] } }) }, "talking");
  const user = open();
  await screen.findByText("Has talked with:");
  await user.keyboard("n");
  await screen.findByRole("option", { name: "Pay by card" });
  await waitFor(() => expect(document.activeElement?.getAttribute("role")).toBe("listbox"));
  await user.keyboard("{ArrowDown}{Enter}");
  await waitFor(() => expect(posted("/desk/back")).toEqual([{ node: "pay_by_card" }]));
});

test("one key parks, one key fetches, and that a parked caller has gone is told", async () => {
  now = desk({ call: call() }, "talking");
  const user = open();
  await screen.findByText("Delivery is late");
  const first = { call: "c9", queue: "support", by: "mei", caller: "+44 20", wants: "Opening hours", since: "2026-11-23T02:00:00Z", until: "2026-11-23T02:03:00Z" };
  now = desk({ parked: [first, { ...first, call: "c8", by: "ann" }] }, "available");
  await user.keyboard("k");
  expect(await screen.findByText("Parked by ann, support")).toBeTruthy();
  expect(posted("/desk/park")).toEqual([{}]);
  await user.keyboard("u");
  await user.click(screen.getAllByRole("button", { name: /Fetch/ })[1] as HTMLElement);
  await waitFor(() => expect(posted("/desk/fetch")).toEqual([{ call: "c9" }, { call: "c8" }]));
  now = desk({ parked_gone: { caller: "+44 20", by: "ann", at: "2026-11-23T02:00:00Z" } }, "available");
  await user.keyboard("2");
  expect(await screen.findByText("+44 20, parked by ann, has hung up.")).toBeTruthy();
});

test("only the end of the abuse protocol asks again", async () => {
  now = desk({ call: call() }, "talking");
  const user = open();
  await screen.findByText("Delivery is late");
  await user.keyboard("a");
  await user.click(await screen.findByText("1. Warn"));
  await waitFor(() => expect(posted("/desk/abuse")).toEqual([{ step: "warn" }]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await user.keyboard("a");
  await user.click(await screen.findByText("3. End the call"));
  expect(posted("/desk/abuse")).toHaveLength(1);
  await user.click(await screen.findByText("Yes, end the call"));
  await waitFor(() => expect(posted("/desk/abuse")).toEqual([{ step: "warn" }, { step: "end" }]));
});

test("the robot was wrong: one key, then the right answer", async () => {
  now = desk({ call: call({ turns: [turn(4, { intent: "a", answer: "X" })] }) }, "talking");
  const user = open();
  await screen.findByText("Delivery is late");
  await user.keyboard("w");
  await user.click(await screen.findByRole("button", { name: "Send to the trainers" }));
  expect(await screen.findByText(/Choose what the caller wanted/)).toBeTruthy();
  await user.type(screen.getByLabelText("What is the right answer?"), "Y");
  await user.click(screen.getByRole("button", { name: "Send to the trainers" }));
  await waitFor(() => expect(posted("/desk/wrong")).toEqual([{ turn: 4, intent: null, answer: "Y" }]));
});

test("what becomes of a draft is told: taken by one key, rejected by another", async () => {
  now = desk({ call: call({ draft: { source: "hours", text: "Nine to five.", intent: "hours", others: [{ source: "prices", text: "Nine euros.", intent: "prices" }] } }) }, "talking");
  const user = open();
  await screen.findByText("Nine to five.");
  await user.keyboard("c");
  await user.keyboard("r");
  expect(await screen.findByText(/Rejected/)).toBeTruthy();
  await waitFor(() =>
    expect(posted("/desk/draft")).toEqual([
      { intent: "hours", verdict: "taken" },
      { intent: "hours", verdict: "rejected" },
    ]),
  );
});

test("a call-back that came to nothing is told at the desk", async () => {
  now = desk({ not_reached: { why: "busy", at: "2026-11-23T02:00:00Z" } });
  open();
  expect(await screen.findByText(/was on the phone/)).toBeTruthy();
});

test("wrap-up: what is written is saved, and done with a break goes on a break", async () => {
  now = desk({ call: call({ phase: "wrapup", disposition: "resolved", summary: "Late." }) }, "wrapup");
  const user = open();
  const box = await screen.findByLabelText("Summary");
  await user.type(box, " Sent today.");
  await waitFor(() => expect(posted("/desk/wrapup")).toEqual([{ disposition: "resolved", summary: "Late. Sent today.", done: false }]), { timeout: 3000 });
  await user.keyboard("{Escape}b");
  await waitFor(() => expect(posted("/desk/wrapup").at(-1)).toMatchObject({ summary: "Late. Sent today.", done: true }));
  // The break first, so that no call slips in between.
  expect(asked.slice(-2).map((a) => a.path)).toEqual(["/desk/presence", "/desk/wrapup"]);
  expect(posted("/desk/presence")).toEqual([{ state: "away", reason: "break" }]);
});

test("a break after the call can be asked for during the call", async () => {
  now = desk({ call: call() }, "talking");
  const user = open();
  await screen.findByText("Delivery is late");
  await user.keyboard("2");
  expect(await screen.findByText("After this call: Break.")).toBeTruthy();
  expect(posted("/desk/presence")).toEqual([{ state: "away", reason: "break" }]);
  expect(screen.getByRole("button", { name: "Break" }).getAttribute("aria-pressed")).toBe("true");
});

test("everything changes its language at once", async () => {
  open();
  await screen.findByText("Waiting for a call");
  await act(() => switchLanguage("zh"));
  expect(await screen.findByText("等待来电")).toBeTruthy();
  expect(document.documentElement.lang).toBe("zh-CN");
});

test("the set-up token is found in the fragment, however it is written", () => {
  const token = "0123456789abcdef_-XY";
  for (const fragment of [`#${token}`, `#token=${token}`, `#setup=${token}`, `#/setup/${token}`, `#/setup?token=${token}`]) {
    expect(tokenIn(fragment)).toBe(token);
  }
  expect([tokenIn("#/desk"), tokenIn(""), tokenIn("#/users")]).toEqual([null, null, null]);
});

test("suggested passwords are long and have no letters that look alike", () => {
  expect(suggestPassword()).toMatch(/^[a-hkmnp-z2-9]{5}(-[a-hkmnp-z2-9]{5}){3}$/);
});

test("switching the language leaves the phone alone: a call would be lost by it", async () => {
  now = desk();
  now = { ...now, agent: { ...now.agent, phone: "browser" } };
  const stream = { getAudioTracks: () => [], getTracks: () => [] };
  const value = { getUserMedia: () => Promise.resolve(stream), enumerateDevices: () => Promise.resolve([]), addEventListener() {}, removeEventListener() {} };
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value });
  const user = open();
  const buttons = await screen.findAllByRole("button", { name: /Go available/ });
  await user.click(buttons[0]!);
  expect(await screen.findByText("The microphone works.")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "中文" }));
  expect(await screen.findByText("麦克风正常。")).toBeTruthy();
  await act(() => switchLanguage("en"));
});

/** A browser with two of each device, or with a microphone that fails in this way. */
function plugged(fails: string | null = null): void {
  const stream = { getAudioTracks: () => [], getTracks: () => [] };
  const value = {
    getUserMedia: () => (fails ? Promise.reject(fails === "?" ? new Error("?") : new DOMException("", fails)) : Promise.resolve(stream)),
    enumerateDevices: () => Promise.resolve(["audioinput", "audiooutput"].flatMap((kind) => [1, 2].map((n) => ({ kind, deviceId: `${kind}${n}`, label: `${kind} no. ${n}` })))),
    addEventListener() {},
    removeEventListener() {},
  };
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value });
}

test("microphone and headset are chosen in the page; where the browser lets nobody choose the headset, it says so in place of a choice", async () => {
  const asks = { ...desk().agent, phone: "browser" as const };
  now = { ...desk(), agent: asks };
  plugged();
  const sinks: string[] = [];
  vi.stubGlobal("Audio", class { play = () => Promise.resolve(); srcObject = null; setSinkId = (id: string) => Promise.resolve(void sinks.push(id)); });
  const user = open();
  await user.click((await screen.findAllByRole("button", { name: /Go available/ }))[0]!);
  await user.selectOptions(await screen.findByLabelText("Headset or speaker"), "audiooutput no. 2");
  await user.selectOptions(screen.getByLabelText("Microphone"), "audioinput no. 2");
  await waitFor(() => expect(sinks).toEqual(["audiooutput2"]));
  expect(JSON.parse(localStorage.getItem("hotline-phone")!)).toEqual({ input: "audioinput2", output: "audiooutput2" });
  expect(screen.queryByText(/plays callers where the computer/)).toBeNull();
  cleanup();
  vi.stubGlobal("Audio", class { play = () => Promise.resolve(); srcObject = null; });
  const other = open();
  await other.click((await screen.findAllByRole("button", { name: /Go available/ }))[0]!);
  expect(await screen.findByText(/plays callers where the computer plays everything/)).toBeTruthy();
  expect(screen.queryByLabelText("Headset or speaker")).toBeNull();
  await screen.findByLabelText("Microphone");
});

test.each([
  ["NotAllowedError", /may not use the microphone/, /无权使用麦克风/],
  ["NotFoundError", /No microphone was found/, /没有找到麦克风/],
  ["NotReadableError", /Another program has the microphone/, /被其他程序占用/],
  ["SecurityError", /Without https/, /未使用 https/],
  ["?", /does not work, and the browser does not say why/, /浏览器未说明原因/],
])("a microphone that fails by %s is told in words of its own, in both languages", async (fails, english, chinese) => {
  now = { ...desk(), agent: { ...desk({}, "offline").agent, phone: "browser" } };
  plugged(fails);
  const user = open();
  await user.click((await screen.findAllByRole("button", { name: /Go available/ }))[0]!);
  expect((await screen.findByText(english)).parentElement?.getAttribute("role")).toBe("alert");
  await act(() => switchLanguage("zh"));
  expect(await screen.findByText(chinese)).toBeTruthy();
  await act(() => switchLanguage("en"));
  plugged();
  await user.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(screen.queryByText(english)).toBeNull());
});

test("who has no microphone is told so and does not become available", async () => {
  now = desk();
  now = { ...now, agent: { ...now.agent, state: "offline", phone: "browser" } };
  let works = false;
  const stream = { getAudioTracks: () => [], getTracks: () => [] };
  const getUserMedia = (): Promise<unknown> => (works ? Promise.resolve(stream) : Promise.reject(new DOMException("", "NotAllowedError")));
  const value = { getUserMedia, enumerateDevices: () => Promise.resolve([]), addEventListener() {}, removeEventListener() {} };
  Object.defineProperty(navigator, "mediaDevices", { configurable: true, value });
  const user = open();
  const buttons = await screen.findAllByRole("button", { name: /Go available/ });
  await user.click(buttons[0]!);
  expect(await screen.findByText(/This page may not use the microphone/)).toBeTruthy();
  expect(posted("/desk/presence")).toEqual([]);
  works = true;
  await user.click(screen.getAllByRole("button", { name: /Go available/ })[0]!);
  await waitFor(() => expect(posted("/desk/presence")).toEqual([{ state: "available" }]));
});

test("the audit tells a supervisor who listened to what, and is searched and read on", async () => {
  answers["GET /session"] = () => json({ user: { name: "lin", display: "Lin", role: "supervisor", language: null }, agent: null });
  window.location.hash = "#/audit";
  const entry = (id: number, user: string | null, action: string, subject: string): object => ({ id, at: "2026-05-01T10:00:00Z", user, action, subject });
  const many = [entry(99, "mei", "listened", "0123456789abcdef 4"), ...Array.from({ length: 49 }, (_, n) => entry(98 - n, null, "login_failed", "root"))];
  answers["GET /audit?limit=50&actions=&user="] = () => json(many);
  answers["GET /audit?limit=50&actions=&user=&before=50"] = () => json([entry(7, "root", "user_changed", "mei: role operator")]);
  answers["GET /audit?limit=50&actions=listened&user=mei"] = () => json([]);
  const user = open();
  expect(await screen.findByText("call 01234567, what was said 4")).toBeTruthy();
  expect(screen.getAllByText("not logged in")).toHaveLength(49);
  await user.click(screen.getByRole("button", { name: "Show older ones" }));
  expect(await screen.findByText("mei: role operator")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Show older ones" })).toBeNull();
  answers["GET /audit?limit=50&actions=listened&user="] = () => json([many[0]]);
  await user.selectOptions(screen.getByLabelText("Show"), "listening");
  await waitFor(() => expect(screen.queryByText("mei: role operator")).toBeNull());
  await user.type(screen.getByLabelText("Login name"), "mei{Enter}");
  expect(await screen.findByText("There is nothing of this kind.")).toBeTruthy();
});
