// The set-up token travels in the address's fragment, which browsers do not send to servers and do not write into their logs.

const TOKEN = /(?:^|[#/?&=])([A-Za-z0-9_-]{16,})$/;

/** The token in `#TOKEN`, `#token=TOKEN`, `#setup=TOKEN` or `#/setup/TOKEN`. */
export function tokenIn(fragment: string): string | null {
  return TOKEN.exec(fragment)?.[1] ?? null;
}

export function takeSetupToken(): string | null {
  const token = tokenIn(window.location.hash);
  // The address printed by the gateway is /setup#…; afterwards the page is where it always is.
  if (token) window.history.replaceState(null, "", "./");
  return token;
}
