// What can be done at the desk in its present state. Buttons and keys ask the same question here, so that neither offers what the other does not.

import type { Desk, Turn } from "../api/types";
import type { ActName } from "./shortcuts";

/** The caller's last turn that can be listened to. */
export function lastHeard(turns: readonly Turn[]): Turn | null {
  return turns.findLast((turn) => turn.who === "caller" && turn.utterance !== null) ?? null;
}

/** The turn that "the robot was wrong here" means when none is pointed at: the last one the robot made something of. */
export function lastAnswered(turns: readonly Turn[]): Turn | null {
  const callers = turns.filter((turn) => turn.who === "caller");
  return callers.findLast((turn) => turn.intent !== null || turn.answer !== null) ?? callers.at(-1) ?? null;
}

export function possibleActs(desk: Desk, draftRejected: boolean): Set<ActName> {
  const acts = new Set<ActName>(["help"]);
  const { state } = desk.agent;
  // During a call it is a wish for afterwards. A rest cannot be cut short; while it rings, there is "decline".
  if (state !== "offered") {
    acts.add("away");
    if (state !== "offline") acts.add("offline");
    if (state !== "available" && state !== "rest") acts.add("available");
  }
  const call = desk.call;
  if (desk.parked.length > 0 && state !== "offline" && (!call || call.phase === "wrapup")) acts.add("fetch");
  if (!call) return acts;
  switch (call.phase) {
    case "offered":
      acts.add("decline");
      if (desk.agent.phone === "browser") acts.add("answer");
      break;
    case "briefing":
      acts.add("hangup");
      break;
    case "talking":
    case "held":
      for (const act of ["hold", "park", "transfer", "consult", "hangup", "abuse"] as const) acts.add(act);
      if (call.back_to.length > 0) acts.add("back");
      if (desk.agent.phone === "browser") acts.add("mute");
      break;
    case "consulting":
      acts.add("go_back");
      // The caller is given on by who has them, once the colleague is there.
      if (call.consult?.talking && !call.consult.asked) {
        acts.add("complete");
        if (!call.consult.three_way) acts.add("three_way");
      }
      if (desk.agent.phone === "browser") acts.add("mute");
      break;
    case "wrapup":
      for (const act of ["summary", "extend", "done_available", "done_break"] as const) acts.add(act);
      break;
  }
  if (lastHeard(call.turns)) acts.add("replay");
  if (lastAnswered(call.turns)) acts.add("wrong");
  if (call.draft && !draftRejected) for (const act of ["copy", "edit", "reject"] as const) acts.add(act);
  return acts;
}

export type LoadWord = "light" | "usual" | "high" | "very_high";

/** The load in words: an agent is told how they are, not a score. */
export function loadWord(load: number): LoadWord {
  if (load < 35) return "light";
  if (load <= 70) return "usual";
  return load <= 85 ? "high" : "very_high";
}

export type MoodWord = "calm" | "tense" | "upset";

export function moodWord(level: number): MoodWord {
  if (level < 35) return "calm";
  return level < 65 ? "tense" : "upset";
}
