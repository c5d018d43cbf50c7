// Pages by the address's fragment: the gateway need not know them, and "back" works.

import { useSyncExternalStore } from "react";
import type { Role, Session } from "./api/types";

export const PAGES = ["desk", "wall", "users", "audit"] as const;
export type Page = (typeof PAGES)[number];

const RANK: Record<Role, number> = { agent: 0, operator: 1, supervisor: 2, admin: 3 };

export function atLeast(role: Role, needed: Role): boolean {
  return RANK[role] >= RANK[needed];
}

/** The pages that are for somebody, the one to begin with first. */
export function pagesOf(session: Session): Page[] {
  const pages: Page[] = [];
  if (session.agent !== null) pages.push("desk");
  if (atLeast(session.user.role, "supervisor")) pages.push("wall");
  if (atLeast(session.user.role, "admin")) pages.push("users");
  if (atLeast(session.user.role, "supervisor")) pages.push("audit");
  return pages;
}

function pageInAddress(): Page | null {
  const name = window.location.hash.replace(/^#\/?/, "");
  return PAGES.find((page) => page === name) ?? null;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function usePage(): Page | null {
  return useSyncExternalStore(subscribe, pageInAddress);
}
