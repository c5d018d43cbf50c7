// The agent's ear: what the caller says, never louder than is good for it. A shout, a whistle or a fax is pressed down before it is heard.

import { soundContext } from "../desk/ring";
import { Meter } from "./meter";

/** Above this the limiter works, dB of full scale. Speech on a telephone line is mostly around -20. */
const LIMIT_DB = -12;
const RATIO = 20;
/**
 * Browsers make everything louder behind a compressor, by 0.6 of what it takes from the loudest sound (Web Audio, “makeup gain”). Here that is taken
 * back: what is not too loud is heard as it came.
 */
const MAKEUP_DB = 0.6 * -LIMIT_DB * (1 - 1 / RATIO);

export class Ear {
  private readonly player = new Audio();
  private nodes: AudioNode[] = [];
  private readonly meter = new Meter();
  /** Chromium gives a stream's sound to nodes only while an element plays it. */
  private readonly pump = new Audio();

  async listen(stream: MediaStream, device: string): Promise<void> {
    this.stop();
    const context = soundContext();
    if (context?.state === "running") {
      const source = context.createMediaStreamSource(stream);
      const limiter = new DynamicsCompressorNode(context, { threshold: LIMIT_DB, knee: 0, ratio: RATIO, attack: 0.002, release: 0.12 });
      const asItCame = new GainNode(context, { gain: 10 ** (-MAKEUP_DB / 20) });
      const out = context.createMediaStreamDestination();
      source.connect(limiter).connect(asItCame).connect(out);
      this.meter.watch(context, asItCame);
      this.nodes = [source, limiter, asItCame, out];
      this.pump.muted = true;
      this.pump.srcObject = stream;
      void this.pump.play().catch(() => {});
      this.player.srcObject = out.stream;
    } else {
      // Not unlocked: better loud than not heard.
      this.player.srcObject = stream;
    }
    await this.goTo(device);
    await this.player.play().catch(() => {});
  }

  /** Whether a page may choose where it is heard: not every browser lets it. */
  get chooses(): boolean {
    return "setSinkId" in this.player;
  }

  /** Where it is heard; empty = the usual place. Whether it is heard there. */
  async goTo(device: string): Promise<boolean> {
    if (!this.chooses) return device === "";
    try {
      await this.player.setSinkId(device);
      return true;
    } catch {
      // A headset that was unplugged: the usual place, then.
      await this.player.setSinkId("").catch(() => {});
      return false;
    }
  }

  stop(): void {
    this.meter.stop();
    for (const node of this.nodes) node.disconnect();
    this.nodes = [];
    this.player.srcObject = null;
    this.pump.srcObject = null;
  }

  level(): number {
    return this.meter.level();
  }
}
