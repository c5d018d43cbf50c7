import { expect, test } from "vitest";
import { clock, secondsSince, secondsUntil, spoken, spokenWait } from "./time";

test("seconds as a clock", () => {
  expect([0, 7.9, 60, 754, 3725, -4].map(clock)).toEqual(["0:00", "0:07", "1:00", "12:34", "1:02:05", "0:00"]);
});

test("lengths of time in words", () => {
  expect([0, 38, 54, 55, 89, 127, 3600].map(spoken)).toEqual([
    { unit: "seconds", count: 0 },
    { unit: "seconds", count: 38 },
    { unit: "seconds", count: 54 },
    { unit: "minutes", count: 1 },
    { unit: "minutes", count: 1 },
    { unit: "minutes", count: 2 },
    { unit: "minutes", count: 60 },
  ]);
});

test("waits are intervals, and never shorter than what was computed", () => {
  expect(spokenWait(null)).toEqual({ is: "none" });
  expect(spokenWait({ from_s: 0, to_s: 12 })).toEqual({ is: "at_once" });
  expect(spokenWait({ from_s: 0, to_s: 61 })).toEqual({ is: "up_to", minutes: 2 });
  expect(spokenWait({ from_s: 60, to_s: 190 })).toEqual({ is: "between", from: 1, to: 4 });
  expect(spokenWait({ from_s: 120, to_s: 120 })).toEqual({ is: "about", minutes: 2 });
});

test("since and until do not go below nothing, nor break on nonsense", () => {
  const now = Date.parse("2026-11-23T02:00:10Z");
  expect(secondsSince("2026-11-23T02:00:00Z", now)).toBe(10);
  expect(secondsSince("2026-11-23T02:00:20Z", now)).toBe(0);
  expect(secondsUntil("2026-11-23T02:00:10.400Z", now)).toBe(1);
  expect(secondsUntil("2026-11-23T02:00:00Z", now)).toBe(0);
  expect([secondsSince("soon", now), secondsUntil("soon", now)]).toEqual([0, 0]);
});
