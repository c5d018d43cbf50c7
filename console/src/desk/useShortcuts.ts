// Listens for the keys of `shortcuts.ts`. They can be switched off (WCAG 2.1.4): speech input presses letters, too.

import { useCallback, useEffect, useRef, useState } from "react";
import { type Act, type ActName, actOf, dialogIsOpen, isWriting } from "./shortcuts";

const REMEMBERED = "hotline.single_keys";

export interface Shortcuts {
  on: boolean;
  setOn: (on: boolean) => void;
}

export function useShortcuts(possible: ReadonlySet<ActName>, reasons: readonly string[], perform: (act: Act) => void): Shortcuts {
  const [on, set] = useState(() => localStorage.getItem(REMEMBERED) !== "off");
  const now = useRef({ on, possible, reasons, perform });
  useEffect(() => {
    now.current = { on, possible, reasons, perform };
  });
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.key === "Escape" && isWriting(event.target) && event.target instanceof HTMLElement && !dialogIsOpen(document)) {
        event.target.blur();
        return;
      }
      if (event.defaultPrevented || isWriting(event.target) || dialogIsOpen(document)) return;
      const act = actOf(event, now.current.reasons);
      // The overlay that switches the keys on again must stay within reach.
      if (!act || (!now.current.on && act.act !== "help") || !now.current.possible.has(act.act)) return;
      event.preventDefault();
      now.current.perform(act);
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const setOn = useCallback((wanted: boolean) => {
    localStorage.setItem(REMEMBERED, wanted ? "on" : "off");
    set(wanted);
  }, []);
  return { on, setOn };
}
