// Times in words. Pure: what "now" is comes as an argument.

import type { Wait } from "../api/types";

/** Seconds as a clock: 0:07, 12:30, 1:02:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const s = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${s}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${s}`;
}

/** Seconds from a moment to now, never negative: clocks differ. */
export function secondsSince(time: string, nowMs: number): number {
  const at = Date.parse(time);
  return Number.isNaN(at) ? 0 : Math.max(0, (nowMs - at) / 1000);
}

/** Seconds until a moment, rounded up so that the last second is seen; 0 when it is over. */
export function secondsUntil(time: string, nowMs: number): number {
  const at = Date.parse(time);
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - nowMs) / 1000));
}

/** How a length of time is told to people: below a minute in tens of seconds, then in minutes. */
export type Spoken = { unit: "seconds" | "minutes"; count: number };

export function spoken(seconds: number): Spoken {
  if (seconds < 55) return { unit: "seconds", count: Math.max(0, Math.round(seconds)) };
  return { unit: "minutes", count: Math.max(1, Math.round(seconds / 60)) };
}

/** A wait as it is announced: an interval, never a single number that nobody can keep. */
export type SpokenWait =
  | { is: "none" }
  | { is: "at_once" }
  | { is: "about"; minutes: number }
  | { is: "between"; from: number; to: number }
  | { is: "up_to"; minutes: number };

export function spokenWait(wait: Wait | null): SpokenWait {
  if (!wait) return { is: "none" };
  const from = Math.floor(wait.from_s / 60);
  const to = Math.ceil(wait.to_s / 60);
  if (wait.to_s < 30) return { is: "at_once" };
  if (from === 0) return { is: "up_to", minutes: to };
  if (from === to) return { is: "about", minutes: to };
  return { is: "between", from, to };
}
