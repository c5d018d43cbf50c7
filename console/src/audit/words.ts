// The audit's entries in the reader's language. What this page does not know is shown as the gateway wrote it.

import type { TFunction } from "i18next";
import type { AuditEntry } from "../api/types";
import en from "../locales/en.json";

type Known = keyof typeof en.audit_action;

export function actionText(t: TFunction, action: string): string {
  return Object.hasOwn(en.audit_action, action) ? t(`audit_action.${action as Known}`) : action.replaceAll("_", " ");
}

/** Of a call the first letters of its number are enough to find it: `hotline calls show` takes them. */
const CALL_SHOWN = 8;

export function subjectText(t: TFunction, { action, subject }: AuditEntry): string {
  const [first = "", second = ""] = subject.split(" ");
  const call = first.slice(0, CALL_SHOWN);
  switch (action) {
    case "listened":
      return t("audit.of_recording", { call, number: second });
    case "robot_wrong":
      return t("audit.of_turn", { call, number: second });
    case "abuse_warn":
    case "abuse_supervisor":
    case "abuse_end":
      return t("audit.of_call", { call });
    case "presence_set": {
      const state = Object.hasOwn(en.state, second) ? t(`state.${second as keyof typeof en.state}`) : second;
      return t("audit.of_state", { name: first, state });
    }
    case "login_failed":
      return subject === "(no such user)" ? t("audit.no_such_user") : subject;
    default:
      return subject;
  }
}
