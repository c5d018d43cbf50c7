// The one live connection of this tab: owns the socket, its timers, and what the gateway said last. The thinking is in `link.ts`.

import { Problem, gatewayNow, request } from "./http";
import { FRESH, type Link, type LinkEvent, Newest, type Wish, step } from "./link";
import type { Desk, Wall } from "./types";

export interface LiveState {
  link: Link;
  desk: Desk | null;
  wall: Wall | null;
  /** When the gateway was last heard, by the gateway's clock. */
  heardAt: number | null;
}

/** Browsers do not show a socket's pings, so a silent connection is asked for a sign of life. */
const QUIET_MS = 25_000;
const SIGN_OF_LIFE_MS = 6_000;

export class Live {
  private state: LiveState = { link: FRESH, desk: null, wall: null, heardAt: null };
  private readonly listeners = new Set<() => void>();
  private socket: WebSocket | null = null;
  private newest = new Newest();
  private retry: ReturnType<typeof setTimeout> | undefined;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private watching = false;
  /** Counts the desks that came as events, so that a slower answer to a request does not overwrite a newer one. */
  private deskEvents = 0;

  constructor(private readonly onLoggedOut: () => void) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): LiveState => this.state;

  start(): void {
    window.addEventListener("online", this.tryNow);
    this.happen({ is: "start" });
  }

  stop(): void {
    window.removeEventListener("online", this.tryNow);
    this.happen({ is: "stop" });
    this.set({ desk: null, wall: null, heardAt: null });
  }

  readonly tryNow = (): void => {
    clearTimeout(this.retry);
    this.happen({ is: "due" });
  };

  /** Asks for the wall's events, now and after every reconnection, or no longer. */
  watchWall(on: boolean): void {
    this.watching = on;
    if (this.state.link.phase === "open") this.socket?.send(JSON.stringify(on ? { watch: "wall" } : { unwatch: "wall" }));
  }

  /** Fetches or changes the desk; the answer is the whole desk. */
  async desk(path: string, body?: object): Promise<Desk> {
    const before = this.deskEvents;
    const desk = await request<Desk>(body ? "POST" : "GET", `/desk${path}`, body);
    if (before === this.deskEvents) this.set({ desk, heardAt: gatewayNow() });
    return desk;
  }

  async wall(path: string, body?: object): Promise<void> {
    this.set({ wall: await request<Wall>(body ? "POST" : "GET", `/wall${path}`, body), heardAt: gatewayNow() });
  }

  private set(change: Partial<LiveState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private happen(event: LinkEvent): void {
    const [link, wishes] = step(this.state.link, event);
    if (link !== this.state.link) this.set({ link });
    for (const wish of wishes) this.fulfil(wish);
  }

  private fulfil(wish: Wish): void {
    switch (wish.wish) {
      case "connect":
        this.connect(wish.after);
        return;
      case "wait":
        this.retry = setTimeout(this.tryNow, wish.ms);
        return;
      case "drop":
        clearTimeout(this.retry);
        this.forget();
        return;
      case "log_out":
        this.onLoggedOut();
        return;
    }
  }

  private connect(after: number | null): void {
    this.forget();
    this.newest = new Newest();
    const url = new URL("/api/v1/events", window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (after !== null) url.searchParams.set("after", String(after));
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.happen({ is: "opened" });
      this.listen();
      if (this.watching) socket.send(JSON.stringify({ watch: "wall" }));
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      this.listen();
      this.hear(message.data);
    };
    socket.onclose = (close) => this.lost(close.code);
  }

  /** Closes the socket without hearing from it again. */
  private forget(): void {
    clearTimeout(this.quiet);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(code: number): void {
    const neverOpened = this.state.link.phase === "connecting";
    this.forget();
    this.happen({ is: "closed", code, at: gatewayNow(), chance: Math.random() });
    // A refused upgrade looks like any other loss; whether the session is over, only a request can tell (the answer logs out).
    if (neverOpened) request("GET", "/session").catch(() => {});
  }

  private hear(text: unknown): void {
    const frame = readFrame(text);
    if (!frame) return;
    if (frame.seq > 0) this.happen({ is: "frame", seq: frame.seq });
    if (frame.type === "session_ended") {
      this.happen({ is: "session_ended" });
      return;
    }
    if (!this.newest.accepts(frame.type, frame.seq)) return;
    if (frame.type === "desk") {
      this.deskEvents += 1;
      this.set({ desk: frame.data as Desk, heardAt: gatewayNow() });
    } else if (frame.type === "wall") {
      this.set({ wall: frame.data as Wall, heardAt: gatewayNow() });
    }
  }

  /** Restarts the wait for the next sign of life. */
  private listen(): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => void this.askForLife(), QUIET_MS);
  }

  private async askForLife(): Promise<void> {
    const asked = this.socket;
    try {
      await request("GET", "/session", undefined, AbortSignal.timeout(SIGN_OF_LIFE_MS));
      this.set({ heardAt: gatewayNow() });
      if (asked && asked === this.socket) this.listen();
    } catch (error) {
      if (error instanceof Problem && error.code === "unreachable" && asked === this.socket) this.lost(1006);
    }
  }
}

/** What is no frame is left out: a newer gateway may send kinds that this page does not know. */
export function readFrame(text: unknown): { seq: number; type: string; data: unknown } | null {
  if (typeof text !== "string") return null;
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame !== "object" || frame === null || !("type" in frame) || typeof frame.type !== "string") return null;
    const seq = "seq" in frame && typeof frame.seq === "number" ? frame.seq : 0;
    return { seq, type: frame.type, data: "data" in frame ? frame.data : null };
  } catch {
    return null;
  }
}
