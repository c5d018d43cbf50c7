// What browsers say about microphones.

/** `refused` by the agent or the browser, `missing` = none plugged in, `busy` = another program has it, `insecure` = the page came without HTTPS. */
export type Microphone = "unknown" | "ready" | "refused" | "missing" | "busy" | "insecure" | "broken";

/** Browsers hide them from pages that came over an open connection. */
export const LIVE_DEVICES = (): boolean => navigator.mediaDevices?.getUserMedia !== undefined;

export function microphoneOf(error: unknown): Microphone {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "SecurityError":
      return "insecure";
    default:
      return "broken";
  }
}
