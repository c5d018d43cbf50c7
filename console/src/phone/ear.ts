// The agent's ear: what the caller says, never louder than is good for it. A shout, a whistle or a fax is pressed down before it is heard.

import { soundContext } from "../desk/ring";
import { Meter } from "./meter";

/** Above this the limiter works, dB of full scale. Speech on a telephone line is mostly around -20. */
const LIMIT_DB = -12;

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
      const limiter = new DynamicsCompressorNode(context, { threshold: LIMIT_DB, knee: 0, ratio: 20, attack: 0.002, release: 0.12 });
      const out = context.createMediaStreamDestination();
      source.connect(limiter).connect(out);
      this.meter.watch(context, limiter);
      this.nodes = [source, limiter, out];
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

  /** Where it is heard; empty = the usual place. Not every browser lets a page choose. */
  async goTo(device: string): Promise<void> {
    if (!("setSinkId" in this.player)) return;
    // A headset that was unplugged: the usual place, then.
    await this.player.setSinkId(device).catch(() => this.player.setSinkId("").catch(() => {}));
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
