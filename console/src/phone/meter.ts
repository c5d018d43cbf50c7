// How loud something is, for people's eyes.

import { soundContext } from "../desk/ring";

const SAMPLES = 512;
/** What a quiet room has: below it the meter shows nothing. */
const FLOOR_DB = -50;

export class Meter {
  private source: MediaStreamAudioSourceNode | null = null;
  private analyser: AnalyserNode | null = null;
  private readonly samples = new Float32Array(SAMPLES);

  listen(stream: MediaStream): void {
    this.stop();
    const context = soundContext();
    if (!context) return;
    this.source = context.createMediaStreamSource(stream);
    this.watch(context, this.source);
  }

  watch(context: AudioContext, node: AudioNode): void {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = SAMPLES;
    node.connect(this.analyser);
  }

  stop(): void {
    this.source?.disconnect();
    this.analyser?.disconnect();
    this.source = this.analyser = null;
  }

  /** 0–1, even to the ear: by decibels. */
  level(): number {
    if (!this.analyser) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    return loudness(this.samples);
  }
}

export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) + 1e-12);
  return Math.min(Math.max(1 - decibels / FLOOR_DB, 0), 1);
}
