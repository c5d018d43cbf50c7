// The ring tone, made by the browser. Browsers let a page sound only after a click or a key, so the sound is unlocked by "Go available".

let context: AudioContext | null = null;

/** Must be called from a click or a key press. */
export async function unlockSound(): Promise<boolean> {
  try {
    context ??= new AudioContext();
    await context.resume();
    return context.state === "running";
  } catch {
    return false;
  }
}

/** For everything that sounds; null until it was unlocked. */
export function soundContext(): AudioContext | null {
  return context;
}

export function soundIsUnlocked(): boolean {
  return context?.state === "running";
}

const ROUND_MS = 3000;
/** Two short rings, then a pause: [start, length] in seconds. */
const RINGS = [
  [0, 0.42],
  [0.62, 0.42],
] as const;
const LOUDNESS = 0.16;

/** Rings until the answer is called. */
export function ring(): () => void {
  let stopped = false;
  const playing = new Set<OscillatorNode>();
  function round(): void {
    if (stopped || !context || context.state !== "running") return;
    for (const [start, length] of RINGS) {
      for (const hertz of [440, 554]) tone(context, hertz, context.currentTime + start, length, playing);
    }
  }
  round();
  const timer = setInterval(round, ROUND_MS);
  return () => {
    stopped = true;
    clearInterval(timer);
    for (const oscillator of playing) oscillator.stop();
  };
}

function tone(on: AudioContext, hertz: number, at: number, length: number, playing: Set<OscillatorNode>): void {
  const oscillator = on.createOscillator();
  const gain = on.createGain();
  oscillator.frequency.value = hertz;
  // Soft edges: a tone that begins or ends at once clicks.
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(LOUDNESS / 2, at + 0.03);
  gain.gain.setValueAtTime(LOUDNESS / 2, at + length - 0.06);
  gain.gain.linearRampToValueAtTime(0, at + length);
  oscillator.connect(gain).connect(on.destination);
  oscillator.start(at);
  oscillator.stop(at + length);
  playing.add(oscillator);
  oscillator.onended = () => playing.delete(oscillator);
}

/** Asks once; who said no is not asked again. Needs a click or a key in some browsers. */
export function askForNotifications(): void {
  if ("Notification" in window && Notification.permission === "default") void Notification.requestPermission().catch(() => {});
}

/** Without the caller's number or words: it may show on a screen that others see. */
export function notify(title: string, body: string): () => void {
  if (!("Notification" in window) || Notification.permission !== "granted" || document.hasFocus()) return () => {};
  try {
    const notification = new Notification(title, { body, tag: "hotline-offer", requireInteraction: true });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    return () => notification.close();
  } catch {
    // Some phones allow notifications only from service workers; the ring tone and the title do without.
    return () => {};
  }
}
