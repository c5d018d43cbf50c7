// The connection to the gateway's events as a machine without sockets and clocks: what happens goes in, wishes come out. `live.ts` fulfils them.

export type Phase =
  /** Not wanted. */
  | "idle"
  /** Trying; `attempt` tells whether for the first time. */
  | "connecting"
  | "open"
  /** Lost; the next try comes after a pause. */
  | "waiting"
  /** The gateway ended the session; only a new login helps. */
  | "ended";

export interface Link {
  phase: Phase;
  /** The last numbered event seen, to go on from there. */
  seq: number | null;
  /** Tries since the connection was last open. */
  attempt: number;
  /** Since when agents are not reachable; null while they are, and before the first connection. */
  lostAt: number | null;
  /** When the next try comes, while waiting. */
  retryAt: number | null;
}

/** Whether agents are cut off: it was open and is not, or it cannot be opened. */
export function isLost(link: Link): boolean {
  return link.phase === "waiting" || (link.phase === "connecting" && link.attempt > 0);
}

export type LinkEvent =
  | { is: "start" }
  | { is: "opened" }
  | { is: "frame"; seq: number }
  | { is: "closed"; code: number; at: number; chance: number }
  /** The pause is over, the agent pressed "try now", or the network is back. */
  | { is: "due" }
  | { is: "session_ended" }
  | { is: "stop" };

export type Wish =
  | { wish: "connect"; after: number | null }
  | { wish: "wait"; ms: number }
  /** Close the socket and forget the timers. */
  | { wish: "drop" }
  | { wish: "log_out" };

export const FRESH: Link = { phase: "idle", seq: null, attempt: 0, lostAt: null, retryAt: null };

/** The gateway closes with this code when the user is logged out. */
export const CLOSE_LOGGED_OUT = 4401;

/** The gateway keeps presence for ten seconds after a loss, so the first tries are quick. */
const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15000];

/** `chance` (0–1) spreads the tries of many desks after a restart of the gateway over half of the pause. */
export function pauseMs(attempt: number, chance: number): number {
  const whole = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 15000;
  return Math.round(whole * (0.5 + 0.5 * chance));
}

export function step(link: Link, event: LinkEvent): [Link, Wish[]] {
  switch (event.is) {
    case "start":
      if (link.phase !== "idle" && link.phase !== "ended") return [link, []];
      return [{ ...FRESH, phase: "connecting" }, [{ wish: "connect", after: null }]];
    case "opened":
      if (link.phase !== "connecting") return [link, []];
      return [{ ...link, phase: "open", attempt: 0, lostAt: null, retryAt: null }, []];
    case "frame":
      // A gateway that was restarted counts from the beginning, so a lower number is taken as it is.
      return link.phase === "open" ? [{ ...link, seq: event.seq }, []] : [link, []];
    case "closed": {
      if (link.phase !== "open" && link.phase !== "connecting") return [link, []];
      if (event.code === CLOSE_LOGGED_OUT) return [{ ...FRESH, phase: "ended" }, [{ wish: "drop" }, { wish: "log_out" }]];
      const ms = pauseMs(link.attempt, event.chance);
      const lost: Link = {
        ...link,
        phase: "waiting",
        attempt: link.attempt + 1,
        lostAt: link.lostAt ?? event.at,
        retryAt: event.at + ms,
      };
      return [lost, [{ wish: "wait", ms }]];
    }
    case "due":
      if (link.phase !== "waiting") return [link, []];
      return [{ ...link, phase: "connecting", retryAt: null }, [{ wish: "connect", after: link.seq }]];
    case "session_ended":
      if (link.phase === "idle" || link.phase === "ended") return [link, []];
      return [{ ...FRESH, phase: "ended" }, [{ wish: "drop" }, { wish: "log_out" }]];
    case "stop":
      return [FRESH, [{ wish: "drop" }]];
  }
}

/** Whole states come as events, so an older one must not overwrite a newer one; each connection and each type counts for itself. */
export class Newest {
  private readonly seen = new Map<string, number>();

  accepts(type: string, seq: number): boolean {
    // 0 = made for this connection alone, outside of the numbered events.
    if (seq === 0) return true;
    const last = this.seen.get(type);
    if (last !== undefined && seq < last) return false;
    this.seen.set(type, seq);
    return true;
  }
}
