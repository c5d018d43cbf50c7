// Failures in words of the agent's language, always with what to do next.

import type { TFunction } from "i18next";
import { Problem } from "../api/http";
import en from "../locales/en.json";

type KnownCode = keyof typeof en.problem;

function isKnown(code: string): code is KnownCode {
  return Object.hasOwn(en.problem, code);
}

/** A code that this page does not know shows the gateway's own sentence. */
export function problemText(t: TFunction, error: unknown): string {
  if (!(error instanceof Problem)) return t("problem.unexpected");
  const known = error.code !== "unknown" && isKnown(error.code);
  const said = known ? t(`problem.${error.code as KnownCode}`, { detail: error.detail, code: error.code }) : error.detail || t("problem.unknown", { code: error.code });
  return error.retryAfterS ? `${said} ${t("common.retry_in", { seconds: error.retryAfterS })}` : said;
}
