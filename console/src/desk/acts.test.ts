import { expect, test } from "vitest";
import { call, desk, turn } from "../test/desks";
import { lastAnswered, lastHeard, loadWord, possibleActs } from "./acts";
import { tried } from "./CardPanel";
import { curve } from "./MoodCurve";
import { canTake, fitting, move, targetsOf } from "./targets";

function acts(...args: Parameters<typeof possibleActs>): string {
  return [...possibleActs(...args)].sort().join(" ");
}

test("what can be done in each state", () => {
  expect(acts(desk({}, "offline"), true)).toBe("available away help");
  expect(acts(desk({}, "available"), true)).toBe("away help offline");
  expect(acts(desk({}, "rest"), true)).toBe("away help offline");
  expect(acts(desk({ call: call({ phase: "offered" }) }, "offered"), true)).toBe("decline help");
  expect(acts(desk({ call: call({ phase: "held" }) }, "talking"), true)).toBe("abuse available away consult hangup help hold offline park transfer");
  expect(acts(desk({ call: call({ phase: "wrapup" }) }, "wrapup"), true)).toBe("available away done_available done_break extend help offline summary");
});

test("a parked caller is fetched by whoever has time for it", () => {
  const parked = [{ call: "c9", queue: "support", by: "ann", caller: "", wants: null, since: "2026-11-23T02:00:00Z", until: "2026-11-23T02:03:00Z" }];
  for (const state of ["available", "away", "rest"] as const) expect(acts(desk({ parked }, state), true)).toContain("fetch");
  expect(acts(desk({ parked, call: call({ phase: "wrapup" }) }, "wrapup"), true)).toContain("fetch");
  expect(acts(desk({ parked }, "offline"), true)).not.toContain("fetch");
  expect(acts(desk({ parked, call: call() }, "talking"), true)).not.toContain("fetch");
});

test("back to the flow goes only where the flow lets agents send callers", () => {
  const back_to = [{ name: "pay_by_card", label: "Pay by card" }];
  expect(acts(desk({ call: call({ back_to }) }, "talking"), true)).toContain("back");
  expect(acts(desk({ call: call() }, "talking"), true)).not.toContain("back");
  expect(acts(desk({ call: call({ back_to, phase: "wrapup" }) }, "wrapup"), true)).not.toContain("back ");
});

test("who asks a colleague may hand the caller over once they are there; who is asked may only go", () => {
  const consulting = (asked: boolean, talking: boolean, three_way = false) =>
    acts(desk({ call: call({ phase: "consulting", consult: { with: "ann", asked, talking, three_way } }) }, "talking"), true);
  expect(consulting(false, false)).toBe("available away go_back help offline");
  expect(consulting(false, true)).toBe("available away complete go_back help offline three_way");
  expect(consulting(false, true, true)).toBe("available away complete go_back help offline");
  expect(consulting(true, true, true)).toBe("available away go_back help offline");
  expect(consulting(true, true)).toBe("available away go_back help offline");
});

test("a draft, a recording and a turn bring their own keys", () => {
  const draft = { source: "node", text: "Answer", intent: "x", others: [] };
  const full = desk({ call: call({ draft, turns: [turn(1, { utterance: 1 })] }) }, "talking");
  expect(acts(full, false)).toBe("abuse available away consult copy edit hangup help hold offline park reject replay transfer wrong");
  expect(acts(full, true)).not.toContain("copy");
});

test("the last words that can be heard, and the turn that the robot got wrong", () => {
  const turns = [turn(1, { utterance: 1, intent: "a" }), turn(2, { sensitive: true }), turn(3, { who: "agent", utterance: 9 })];
  expect(lastHeard(turns)?.number).toBe(1);
  expect(lastAnswered(turns)?.number).toBe(1);
  expect(lastAnswered([turn(1), turn(2)])?.number).toBe(2);
  expect([lastHeard([]), lastAnswered([])]).toEqual([null, null]);
});

test("load is told in words", () => {
  expect([0, 34, 35, 70, 71, 86].map(loadWord)).toEqual(["light", "light", "usual", "usual", "high", "very_high"]);
});

test("the same answer given twice is shown once, with its count", () => {
  const turns = [turn(1, { intent: "a", answer: "X" }), turn(2, { intent: "a", answer: "X" }), turn(3, { answer: "One moment" })];
  expect(tried(turns)).toEqual([{ answer: "X", times: 2 }]);
});

test("the mood curve stays in its frame", () => {
  for (const mood of [[], [{ at_s: 3, level: 50 }], [{ at_s: 0, level: -5 }, { at_s: 90, level: 300 }]]) {
    for (const { x, y } of curve(mood)) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(168);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(44);
    }
  }
});

test("transfers: others first, the own queue never as first choice, who cannot take it is passed over", () => {
  const targets = targetsOf(desk({ call: call() }));
  expect(targets.map((target) => target.name)).toEqual(["complaints", "billing", "ann", "support", "omar"]);
  expect(targets.map(canTake)).toEqual([true, true, true, true, false]);
  expect(move(targets, 3, 1)).toBe(0);
  expect(move(targets, 0, -1)).toBe(3);
  expect(move([], -1, 1)).toBe(-1);
  expect(fitting(targets, " OM ").map((target) => target.name)).toEqual(["complaints", "omar"]);
});
