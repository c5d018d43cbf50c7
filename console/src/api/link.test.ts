import { describe, expect, test } from "vitest";
import { CLOSE_LOGGED_OUT, FRESH, type Link, type LinkEvent, Newest, type Wish, isLost, pauseMs, step } from "./link";

/** Plays events and returns the last state with the wishes of the last event. */
function play(...events: LinkEvent[]): [Link, Wish[]] {
  return events.reduce<[Link, Wish[]]>(([link], event) => step(link, event), [FRESH, []]);
}

const start: LinkEvent = { is: "start" };
const opened: LinkEvent = { is: "opened" };
const due: LinkEvent = { is: "due" };
const lost: LinkEvent = { is: "closed", code: 1006, at: 1000, chance: 1 };
const frame = (seq: number): LinkEvent => ({ is: "frame", seq });

describe("the connection to the gateway", () => {
  test("begins without a number", () => {
    expect(play(start)).toEqual([{ ...FRESH, phase: "connecting" }, [{ wish: "connect", after: null }]]);
  });

  test("goes on after the last event seen", () => {
    expect(play(start, opened, frame(7), frame(8), lost, due)[1]).toEqual([{ wish: "connect", after: 8 }]);
  });

  test("follows a gateway that was restarted and counts anew", () => {
    expect(play(start, opened, frame(500), lost, due, opened, frame(2), lost, due)[1]).toEqual([{ wish: "connect", after: 2 }]);
  });

  test("waits longer after each try, and briefly again once it was open", () => {
    const second = play(start, opened, lost, due, lost);
    expect(second[1]).toEqual([{ wish: "wait", ms: 1000 }]);
    expect(play(start, opened, lost, due, lost, due, opened, lost)[1]).toEqual([{ wish: "wait", ms: 300 }]);
  });

  test("is lost since the first loss, whatever was tried since", () => {
    const [link] = play(start, opened, lost, due, { is: "closed", code: 1006, at: 9000, chance: 0 });
    expect(link).toMatchObject({ phase: "waiting", lostAt: 1000, retryAt: 9500 });
    expect(isLost(link)).toBe(true);
    expect(isLost(play(start)[0])).toBe(false);
    expect(isLost(play(start, opened, lost, due, opened)[0])).toBe(false);
  });

  test("ends when the gateway logs out, by word or by code, and does not try again", () => {
    for (const end of [{ is: "session_ended" }, { ...lost, code: CLOSE_LOGGED_OUT }] as LinkEvent[]) {
      const [link, wishes] = play(start, opened, end);
      expect(link.phase).toBe("ended");
      expect(wishes).toEqual([{ wish: "drop" }, { wish: "log_out" }]);
      expect(step(link, due)).toEqual([link, []]);
      expect(step(link, lost)).toEqual([link, []]);
    }
  });

  test("ignores what comes after it was stopped", () => {
    const [link] = play(start, opened, { is: "stop" });
    for (const late of [opened, frame(3), lost, due]) expect(step(link, late)).toEqual([link, []]);
  });

  test("pauses are bounded and spread", () => {
    for (let attempt = 0; attempt < 40; attempt += 1) {
      expect(pauseMs(attempt, 0)).toBeLessThan(pauseMs(attempt, 1));
      expect(pauseMs(attempt, 1)).toBeLessThanOrEqual(15000);
    }
  });
});

test("an older state does not overwrite a newer one of its kind", () => {
  const newest = new Newest();
  expect([newest.accepts("desk", 5), newest.accepts("desk", 4), newest.accepts("wall", 4), newest.accepts("desk", 0), newest.accepts("desk", 6)]).toEqual([
    true,
    false,
    true,
    true,
    true,
  ]);
});
