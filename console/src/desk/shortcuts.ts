// One key for each thing an agent does all day. Which key means what is decided here, without a browser; `useShortcuts.ts` listens.

/** Everything that has a key. `away` carries the reason, `fetch` which parked caller; by its key, the first. */
export type Act =
  | { act: "available" }
  | { act: "away"; reason: string }
  | { act: "offline" }
  | { act: "answer" }
  | { act: "decline" }
  | { act: "mute" }
  | { act: "hold" }
  | { act: "park" }
  | { act: "fetch"; call: string | null }
  | { act: "transfer" }
  | { act: "back" }
  | { act: "consult" }
  | { act: "three_way" }
  | { act: "complete" }
  | { act: "go_back" }
  | { act: "hangup" }
  | { act: "abuse" }
  | { act: "replay" }
  | { act: "wrong" }
  | { act: "copy" }
  | { act: "edit" }
  | { act: "reject" }
  | { act: "summary" }
  | { act: "extend" }
  | { act: "done_available" }
  | { act: "done_break" }
  | { act: "help" };

export type ActName = Act["act"];

/** The keys, as they are drawn on the buttons. Reasons of being away take 2–9 in the order of the configuration. */
export const KEYS: Record<Exclude<ActName, "away">, string> = {
  available: "1",
  offline: "0",
  answer: "Y",
  decline: "D",
  mute: "M",
  hold: "H",
  park: "K",
  fetch: "U",
  transfer: "T",
  back: "N",
  consult: "Q",
  three_way: "I",
  complete: "J",
  go_back: "G",
  hangup: "X",
  abuse: "A",
  replay: "P",
  wrong: "W",
  copy: "C",
  edit: "E",
  reject: "R",
  summary: "S",
  extend: "+",
  done_available: "F",
  done_break: "B",
  help: "?",
};

/** Those that a call has to be there for are offered by `deskActs`; this is only what a key means. */
export function reasonKey(index: number): string | null {
  return index < 8 ? String(index + 2) : null;
}

export interface KeyPress {
  key: string;
  code: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
  isComposing: boolean;
}

/** What a key means, or null. Held keys, chords and keys that an input method is using mean nothing. */
export function actOf(press: KeyPress, reasons: readonly string[]): Act | null {
  if (press.ctrlKey || press.metaKey || press.altKey || press.repeat || press.isComposing) return null;
  const key = plainKey(press);
  if (key === "=") return { act: "extend" };
  for (const [index, reason] of reasons.entries()) {
    if (reasonKey(index) === key) return { act: "away", reason };
  }
  const found = (Object.entries(KEYS) as [Exclude<ActName, "away">, string][]).find(([, shown]) => shown === key);
  if (!found) return null;
  return found[0] === "fetch" ? { act: "fetch", call: null } : { act: found[0] };
}

/** With a Chinese input method switched on, browsers report "Process" even where nobody writes; the place of the key tells the letter. */
function plainKey(press: KeyPress): string {
  if (press.key.length === 1) return press.key.toUpperCase();
  const place = /^(?:Key([A-Z])|Digit([0-9])|Numpad([0-9]))$/.exec(press.code);
  return press.key === "Process" && place ? (place[1] ?? place[2] ?? place[3] ?? "") : "";
}

const WRITING = "input, textarea, select, [contenteditable=''], [contenteditable='true'], [role='combobox'], [role='listbox'], [role='textbox']";
const OPEN_DIALOG = "[role='dialog'], [role='alertdialog'], [role='menu']";

/** Whether somebody is writing or choosing there, so that letters are theirs. */
export function isWriting(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(WRITING) !== null;
}

export function dialogIsOpen(page: Document): boolean {
  return page.querySelector(OPEN_DIALOG) !== null;
}
