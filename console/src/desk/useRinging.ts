import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Call } from "../api/types";
import { askForNotifications, notify, ring, soundIsUnlocked, unlockSound } from "./ring";

/** Rings and notifies while an offer is there. `locked` = the browser would not let us sound. */
export function useRinging(call: Call | null): { locked: boolean; unlock: () => void } {
  const { t } = useTranslation();
  const [unlocked, setUnlocked] = useState(soundIsUnlocked);
  const offer = call?.phase === "offered" ? call.id : null;
  const want = call?.card.intent_label ?? t("card.no_intent");
  const queue = call?.queue ?? "";
  const unlock = useCallback(() => {
    askForNotifications();
    void unlockSound().then(setUnlocked);
  }, []);
  useEffect(() => (offer && unlocked ? ring() : undefined), [offer, unlocked]);
  useEffect(
    () => (offer ? notify(t("notify.title"), t("notify.body", { queue, want })) : undefined),
    [offer, queue, want, t],
  );
  return { locked: !unlocked, unlock };
}
