import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Wait } from "../api/types";
import { spoken, spokenWait } from "./time";

/** Waits and lengths of time in the language of the page. */
export function useTimeText(): { wait: (wait: Wait | null) => string; length: (seconds: number) => string } {
  const { t } = useTranslation();
  const wait = useCallback(
    (interval: Wait | null) => {
      const words = spokenWait(interval);
      switch (words.is) {
        case "none":
          return t("wait.none");
        case "at_once":
          return t("wait.at_once");
        case "up_to":
          return t("wait.up_to", { count: words.minutes });
        case "about":
          return t("wait.about", { count: words.minutes });
        case "between":
          return t("wait.between", { from: words.from, to: words.to });
      }
    },
    [t],
  );
  const length = useCallback(
    (seconds: number) => {
      const { unit, count } = spoken(seconds);
      return t(`time.${unit}`, { count });
    },
    [t],
  );
  return { wait, length };
}
