// Requests to the gateway. Every failure becomes a Problem with a `code`, so that the page can say it in the agent's language.

const ROOT = "/api/v1";

/** RFC 9457 as the gateway writes it, or one of our own codes: `unreachable` (no answer) and `unexpected` (no sense in the answer). */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string,
    /** Seconds to wait before trying again, where the gateway said so. */
    readonly retryAfterS: number | null = null,
  ) {
    super(`${code}: ${detail}`);
    this.name = "Problem";
  }
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Called when any answer says that there is no session any more. */
let onSessionLost: () => void = () => {};
export function whenSessionLost(act: () => void): void {
  onSessionLost = act;
}

/** How far the gateway's clock is ahead of this machine's: waiting times are counted by the gateway's clock. */
let clockAheadMs = 0;
export function gatewayNow(): number {
  return Date.now() + clockAheadMs;
}

export async function request<T>(method: Method, path: string, body?: object, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body ? { "content-type": "application/json" } : {},
      body: body ? JSON.stringify(body) : null,
      signal: signal ?? null,
    });
  } catch {
    throw new Problem("unreachable", 0, "");
  }
  readClock(response.headers.get("date"));
  if (!response.ok) {
    const problem = await readProblem(response);
    if (problem.code === "no_session") onSessionLost();
    throw problem;
  }
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new Problem("unexpected", response.status, "");
  }
}

/** An offer in, an answer out, both SDP; `location` is below the API's root. */
export async function sendOffer(path: string, offer: string): Promise<{ answer: string; location: string }> {
  let response: Response;
  try {
    const headers = { "content-type": "application/sdp" };
    response = await fetch(ROOT + path, { method: "POST", credentials: "same-origin", cache: "no-store", headers, body: offer });
  } catch {
    throw new Problem("unreachable", 0, "");
  }
  if (!response.ok) {
    const problem = await readProblem(response);
    if (problem.code === "no_session") onSessionLost();
    throw problem;
  }
  const location = response.headers.get("location") ?? "";
  return { answer: await response.text(), location: location.startsWith(ROOT) ? location.slice(ROOT.length) : location };
}

/** Sent even though the page goes at this moment; nobody hears the answer. */
export function requestAtTheEnd(path: string): void {
  void fetch(ROOT + path, { method: "DELETE", credentials: "same-origin", keepalive: true }).catch(() => {});
}

/** The header counts whole seconds, so a difference below two seconds may be no difference at all. */
function readClock(date: string | null): void {
  const theirs = date ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(theirs)) return;
  const ahead = theirs + 500 - Date.now();
  clockAheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
}

async function readProblem(response: Response): Promise<Problem> {
  const retry = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  const retryAfterS = Number.isNaN(retry) ? null : retry;
  let code = "unexpected";
  let detail = "";
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null) {
      if ("code" in body && typeof body.code === "string") code = body.code;
      if ("detail" in body && typeof body.detail === "string") detail = body.detail;
    }
  } catch {
    // Not ours, perhaps a proxy's page: 502 to 504 mean that the gateway behind it is gone.
    if (response.status >= 502 && response.status <= 504) code = "unreachable";
  }
  return new Problem(code, response.status, detail, retryAfterS);
}
