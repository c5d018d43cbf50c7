import { type ReactNode, useEffect, useState } from "react";
import { createPortal } from "react-dom";

export const BAR_EXTRA = "bar-extra";

/** Puts something of a page into the bar at the top. */
export function InBar({ children }: { children: ReactNode }) {
  const [place, setPlace] = useState<HTMLElement | null>(null);
  useEffect(() => setPlace(document.getElementById(BAR_EXTRA)), []);
  return place ? createPortal(children, place) : null;
}
