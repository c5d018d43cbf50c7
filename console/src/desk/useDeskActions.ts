// What the desk asks of the gateway. Every answer is the whole desk; every failure becomes a sentence.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { request } from "../api/http";
import type { Live } from "../api/live";
import type { AbuseStep, Answer, Desk, DraftVerdict, Presence, Turn } from "../api/types";
import { useSay } from "../parts/notices";

export interface WrapUp {
  disposition: string | null;
  summary: string | null;
}

export interface DeskActions {
  /** `done` = what to say when it worked. */
  presence: (state: Presence, reason: string | null, done?: string) => Promise<boolean>;
  decline: () => void;
  hold: (on: boolean) => void;
  /** Puts the caller aside. */
  park: () => void;
  /** The agent's phone rings for a parked caller. */
  fetch: (call: string) => Promise<boolean>;
  /** These tell whether it worked, because a dialog waits for it. */
  hangup: () => Promise<boolean>;
  transfer: (to: { queue: string } | { agent: string }, name: string) => Promise<boolean>;
  /** Sends the caller back into the flow, to a node that it names for it. */
  back: (node: string, name: string) => Promise<boolean>;
  /** Asks a colleague while the caller is on hold. */
  consult: (to: { queue: string } | { agent: string }) => Promise<boolean>;
  /** Brings the caller in: caller, colleague and agent hear each other. */
  threeWay: () => void;
  /** Hands the caller over to the colleague, or goes back to the caller. */
  endConsult: (complete: boolean) => void;
  abuse: (step: AbuseStep) => Promise<boolean>;
  wrong: (turn: number, intent: string | null, answer: string | null) => Promise<boolean>;
  rightAnswer: (turn: Turn | null, text: string) => Promise<boolean>;
  save: (wrapUp: WrapUp) => Promise<boolean>;
  extend: () => void;
  /** Ends the wrap-up; with a reason, no call comes afterwards. */
  finish: (wrapUp: WrapUp, after: { state: Presence; reason: string | null }) => Promise<boolean>;
  copy: (text: string) => void;
  /** For the operators: what the desk's drafts are worth. */
  judge: (draft: Answer, verdict: DraftVerdict) => void;
}

export function useDeskActions(live: Live): DeskActions {
  const { t } = useTranslation();
  const say = useSay();
  return useMemo(() => {
    async function post(path: string, body: object, done?: string): Promise<Desk | null> {
      try {
        const desk = await live.desk(path, body);
        if (done) say.done(done);
        return desk;
      } catch (error) {
        say.failed(error);
        return null;
      }
    }
    async function worked(path: string, body: object, done?: string): Promise<boolean> {
      return (await post(path, body, done)) !== null;
    }
    async function wrong(turn: number, intent: string | null, answer: string | null, done: string): Promise<boolean> {
      try {
        await request("POST", "/desk/wrong", { turn, intent, answer });
        say.done(done);
        return true;
      } catch (error) {
        say.failed(error);
        return false;
      }
    }
    const presenceBody = (state: Presence, reason: string | null): object => (reason ? { state, reason } : { state });
    return {
      presence: (state, reason, done) => worked("/presence", presenceBody(state, reason), done),
      decline: () => void post("/decline", {}),
      hold: (on) => void post("/hold", { on }),
      park: () => void post("/park", {}, t("parked.done")),
      fetch: (call) => worked("/fetch", { call }),
      hangup: () => worked("/hangup", {}),
      transfer: (to, name) => worked("/transfer", to, t("transfer.done", { to: name })),
      back: (node, name) => worked("/back", { node }, t("back.done", { to: name })),
      consult: (to) => worked("/consult", to),
      threeWay: () => void post("/consult/three-way", {}),
      endConsult: (complete) => void post("/consult/end", { complete }),
      abuse: (step) => {
        const done = { warn: t("abuse.warned"), supervisor: t("abuse.called"), end: t("abuse.ended") };
        return worked("/abuse", { step }, done[step]);
      },
      wrong: (turn, intent, answer) => wrong(turn, intent, answer, t("wrong.sent")),
      rightAnswer: async (turn, text) => (turn ? wrong(turn.number, null, text, t("draft.saved")) : false),
      save: (wrapUp) => worked("/wrapup", { ...wrapUp, done: false }),
      extend: () => void post("/wrapup/extend", {}),
      finish: async (wrapUp, after) => {
        // First what comes afterwards: between the end of the wrap-up and a break, no call must slip in.
        const asked = await worked("/presence", presenceBody(after.state, after.reason));
        return asked && worked("/wrapup", { ...wrapUp, done: true });
      },
      // The agent goes on talking, whether or not it could be remembered.
      judge: (draft, verdict) => void request("POST", "/desk/draft", { intent: draft.intent, verdict }).catch(say.failed),
      copy: (text) => {
        navigator.clipboard
          ?.writeText(text)
          .then(() => say.done(t("draft.copied")))
          .catch(() => say.done(t("draft.not_copied")));
        // Not there without HTTPS.
        if (!navigator.clipboard) say.done(t("draft.not_copied"));
      },
    };
  }, [live, say, t]);
}
