// A desk and a call for tests; each test changes what it is about.

import type { Call, Desk, Turn } from "../api/types";

export function turn(number: number, part: Partial<Turn> = {}): Turn {
  return { number, at_s: number * 10, who: "caller", text: "hello", intent: null, answer: null, sensitive: false, utterance: null, keyed: false, ...part };
}

export function call(part: Partial<Call> = {}): Call {
  return {
    id: "c1",
    queue: "support",
    phase: "talking",
    consult: null,
    consult_failed: null,
    back_to: [],
    since: "2026-11-23T02:00:00Z",
    waited_s: 38,
    card: {
      reference: "0".repeat(32),
      call: "c1",
      flow: "parcel",
      caller: "+44 7700 900123",
      dialled: "+44 20 7946 0000",
      diverted_from: null,
      diverted_because: null,
      language: "en",
      since: "2026-11-23T01:57:00Z",
      seconds: 127,
      intent: "parcel.late",
      intent_label: "Delivery is late",
      slots: { number: "4821 7730" },
      because: "asked",
      because_text: { en: "asked for a person", zh: "要求转人工" },
      spoke_with: [],
      summary: "",
      verified: false,
      tier: null,
      priority: 0,
      signed: false,
      step: null,
    },
    turns: [],
    mood: [],
    draft: null,
    checklist: [],
    disposition: null,
    summary: null,
    ...part,
  };
}

export function desk(part: Partial<Desk> = {}, state: Desk["agent"]["state"] = "available"): Desk {
  return {
    agent: {
      name: "mei",
      display: "Mei",
      phone: "sip:mei@192.0.2.15",
      state,
      reason: null,
      since: "2026-11-23T02:00:00Z",
      until: null,
      load: 40,
      calls_today: 3,
      next: null,
    },
    queues: [
      { name: "support", waiting: 2, longest_wait_s: 30, free: 1, talking: 1, wait: null, call_backs: 0 },
      { name: "complaints", waiting: 0, longest_wait_s: 0, free: 1, talking: 0, wait: null, call_backs: 0 },
    ],
    other_queues: [{ name: "billing", waiting: 1, longest_wait_s: 10, free: 0, talking: 2, wait: null, call_backs: 0 }],
    colleagues: [
      { name: "omar", display: "Omar", state: "away" },
      { name: "ann", display: "Ann", state: "available" },
    ],
    reasons: ["break", "lunch"],
    dispositions: ["resolved", "callback"],
    intents: [],
    call: null,
    parked: [],
    parked_gone: null,
    not_reached: null,
    ...part,
  };
}
