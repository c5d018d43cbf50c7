// The API's types, written by hand and compared with `openapi.json`, field by field, by a test of the gateway (`web::console_tests`). Times are RFC 3339 in UTC, durations
// whole seconds and end in `_s`. The one place to change when the gateway's API changes.

export type Language = "en" | "zh";
export type Role = "agent" | "operator" | "supervisor" | "admin";

export interface Session {
  user: { name: string; display: string; role: Role; language: Language | null };
  /** The agent whose desk this user sits at; null = no desk. */
  agent: string | null;
}

export interface User {
  name: string;
  display: string;
  role: Role;
  agent: string | null;
  language: Language | null;
  disabled: boolean;
  created: string;
  last_login: string | null;
}

export interface NewUser {
  name: string;
  display: string;
  role: Role;
  agent: string | null;
  language: Language | null;
  password: string;
}

export type UserChange = Partial<Pick<User, "display" | "role" | "agent" | "language" | "disabled"> & { password: string }>;

export type AgentState = "offline" | "away" | "available" | "offered" | "talking" | "wrapup" | "rest";

/** What an agent (or a supervisor for them) can ask for; the other states come from calls. */
export type Presence = "available" | "away" | "offline";

export interface Agent {
  name: string;
  display: string;
  /** Address of the phone on the table; "browser" = the phone in this page. */
  phone: string;
  state: AgentState;
  reason: string | null;
  since: string;
  /** When wrap-up or rest ends by itself; null in all other states. */
  until: string | null;
  /** 0–100; shown to the agent alone. */
  load: number;
  calls_today: number;
  /** What comes after the call or the wrap-up: a reason, or "offline"; null = available. */
  next: string | null;
}

export interface Wait {
  from_s: number;
  to_s: number;
}

export interface Queue {
  name: string;
  waiting: number;
  longest_wait_s: number;
  free: number;
  talking: number;
  /** What a caller who comes now is told; null = nobody can say. */
  wait: Wait | null;
  /** People who wait to be called back; not among `waiting`. */
  call_backs: number;
}

export interface Colleague {
  name: string;
  display: string;
  state: AgentState;
}

export interface Turn {
  number: number;
  at_s: number;
  who: "caller" | "agent";
  text: string;
  intent: string | null;
  /** What the robot answered. */
  answer: string | null;
  /** The words are withheld. */
  sensitive: boolean;
  /** The recording of this turn, where there is one. */
  utterance: number | null;
  /** The text is keys that the caller pressed. */
  keyed: boolean;
}

export interface Card {
  reference: string;
  call: string;
  flow: string;
  caller: string;
  dialled: string;
  diverted_from: string | null;
  diverted_because: string | null;
  language: string;
  since: string;
  /** Seconds spent with the robot when the card was made. */
  seconds: number;
  intent: string | null;
  intent_label: string | null;
  slots: Record<string, string>;
  because: string;
  because_text: Record<Language, string>;
  /** Agents whom the caller has talked with in this call, oldest first. */
  spoke_with: string[];
  summary: string;
  verified: boolean;
  tier: string | null;
  priority: number;
  /** Other programs can check where this card comes from; it says nothing of the number. */
  signed: boolean;
  step: { procedure: string; step: number; of: number } | null;
  /** Nobody is on the line: the agent comes first, then this number is called. */
  call_back?: { number: string; asked: string } | null;
}

export interface MoodPoint {
  at_s: number;
  /** 0–100, higher is more upset. */
  level: number;
}

export type DraftVerdict = "taken" | "changed" | "rejected";

export interface Draft {
  /** The node of the flow that the answer comes from. */
  source: string;
  text: string;
  intent: string;
  /** Other answers of the flow that come near, the nearest first. */
  others: Answer[];
}

/** An answer of the flow. */
export interface Answer {
  source: string;
  text: string;
  intent: string;
}

export interface ChecklistItem {
  slot: string;
  label: string;
  value: string | null;
}

export type CallPhase = "offered" | "briefing" | "talking" | "held" | "consulting" | "wrapup";

export type ConsultFailure = "nobody" | "declined" | "no_answer" | "left" | "lost" | "failed";

/** A colleague is asked because of a call. */
export interface Consult {
  /** On the other side. */
  with: string;
  /** It is this agent who is asked: the caller is the colleague's. */
  asked: boolean;
  /** The two hear each other; before, it rings. */
  talking: boolean;
  /** And the caller, too. */
  three_way: boolean;
}

export interface Call {
  id: string;
  queue: string;
  phase: CallPhase;
  consult: Consult | null;
  /** Why no colleague was reached last. */
  consult_failed: ConsultFailure | null;
  /** Nodes of the flow that the caller may be sent back to. */
  back_to: Intent[];
  since: string;
  waited_s: number;
  card: Card;
  turns: Turn[];
  mood: MoodPoint[];
  draft: Draft | null;
  checklist: ChecklistItem[];
  disposition: string | null;
  summary: string | null;
}

export interface Intent {
  name: string;
  label: string;
}

/** An agent has put this caller aside. */
export interface ParkedCaller {
  call: string;
  queue: string;
  /** Who parked them. */
  by: string;
  caller: string;
  wants: string | null;
  since: string;
  /** They come back then by themselves. */
  until: string;
}

export interface Desk {
  agent: Agent;
  queues: Queue[];
  /** Those that the agent does not serve; callers can be sent on to them, too. */
  other_queues: Queue[];
  colleagues: Colleague[];
  reasons: string[];
  dispositions: string[];
  intents: Intent[];
  call: Call | null;
  /** Callers whom this agent may fetch. */
  parked: ParkedCaller[];
  /** One of them has hung up; for a minute. */
  parked_gone: { caller: string; by: string; at: string } | null;
  /** For a minute after a call-back came to nothing; it has no wrap-up. */
  not_reached: { why: "no_answer" | "busy" | "mailbox" | "not_wanted" | "failed"; at: string } | null;
}

export type AbuseStep = "warn" | "supervisor" | "end";

export interface EarlierCall {
  call: string;
  at: string;
  flow: string;
  intent: string | null;
  because: string | null;
  disposition: string;
  summary: string | null;
  /** What the caller answered after the talk. */
  after_talk: string | null;
}

export interface WallQueue extends Queue {
  calls_today: number;
  served_today: number;
  abandoned_today: number;
  service_level: number | null;
  coverage: number | null;
}

export interface WallAgent {
  name: string;
  display: string;
  state: AgentState;
  reason: string | null;
  since: string;
  queue: string | null;
  calls_today: number;
}

export interface WaitingCaller {
  call: string;
  queue: string;
  position: number;
  since: string;
  priority: number;
  language: string;
  because: string;
  from_s: number | null;
  to_s: number | null;
  /** Nobody is on the line: they are called back. */
  call_back: boolean;
}

export interface Wall {
  queues: WallQueue[];
  agents: WallAgent[];
  waiting: WaitingCaller[];
  /** Of the whole team; `high` counts the agents above 70. Nobody is named. null = fewer than three are here. */
  load: { mean: number; high: number } | null;
}

/** One thing that somebody did. */
export interface AuditEntry {
  id: number;
  at: string;
  /** null = nobody who was logged in. */
  user: string | null;
  /** Such as `login`, `listened`, `user_changed`. */
  action: string;
  /** To whom or what; may be empty. */
  subject: string;
}

/** A frame of the event socket. */
export interface Frame {
  seq: number;
  type: string;
  data: unknown;
}
