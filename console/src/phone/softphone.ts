// The phone in this page: one microphone, one connection, one ear. It lives beside the pages, so a call goes on whatever page is looked at.
// The gateway's side is in the shape of WHIP (RFC 9725); that the other end is over, the desk's events say (a closed connection says nothing).

import { Problem, sendOffer, request, requestAtTheEnd } from "../api/http";
import type { Desk } from "../api/types";
import { LIVE_DEVICES, type Microphone, microphoneOf } from "./devices";
import { Ear } from "./ear";
import { Meter } from "./meter";

export interface PhoneCall {
  id: string;
  phase: "answering" | "up";
  muted: boolean;
}

export interface PhoneState {
  microphone: Microphone;
  /** Devices that were chosen; empty = the browser's usual ones. */
  input: string;
  output: string;
  inputs: MediaDeviceInfo[];
  outputs: MediaDeviceInfo[];
  /** This browser lets the page choose among `outputs`. */
  choosesOutput: boolean;
  call: PhoneCall | null;
}

/** A connection that is made ready while it rings, so that a click has little left to do. */
interface Line {
  call: string;
  stream: MediaStream;
  peer: RTCPeerConnection;
  offer: string;
}

const KEPT = "hotline-phone";

export class Softphone {
  private state: PhoneState;
  private readonly listeners = new Set<() => void>();
  private ready: Promise<Line> | null = null;
  private readyFor: string | null = null;
  private line: Line | null = null;
  private at: string | null = null;
  private readonly ear = new Ear();
  private readonly voice = new Meter();

  constructor(private readonly failed: (error: unknown) => void) {
    const kept = readKept();
    this.state = { microphone: "unknown", input: kept.input, output: kept.output, inputs: [], outputs: [], choosesOutput: this.ear.chooses, call: null };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): PhoneState => this.state;

  start(): void {
    window.addEventListener("pagehide", this.leave);
    navigator.mediaDevices?.addEventListener?.("devicechange", this.plugged);
  }

  /** The page goes, or its user: the caller is not to lose the line by that. */
  stop(): void {
    this.leave();
    window.removeEventListener("pagehide", this.leave);
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.plugged);
  }

  /** Asks for the microphone, from a click: browsers ask the agent once, and here no caller waits for the answer. Whether it works. */
  readonly prepare = async (): Promise<boolean> => {
    const works = await this.renew();
    if (works) void this.listDevices();
    return works;
  };

  /** What the desk shows now: rings, goes on, or is over. */
  follow(desk: Desk | null): void {
    const call = desk?.agent.phone === "browser" ? desk.call : null;
    if (this.state.call) {
      if (desk && (call?.id !== this.state.call.id || call.phase === "wrapup")) this.close();
      return;
    }
    if (call?.phase === "offered") this.ring(call.id);
    else this.forget();
  }

  readonly answer = async (call: string): Promise<void> => {
    if (this.state.call) return;
    this.set({ call: { id: call, phase: "answering", muted: false } });
    try {
      this.ring(call);
      const line = await this.ready!;
      const { answer, location } = await sendOffer(`/desk/phone/${call}`, line.offer);
      // Over meanwhile: the gateway need not wait for our sound.
      if (this.current()?.id !== call) return requestAtTheEnd(`${location}?gone=true`);
      this.line = line;
      this.at = location;
      this.ready = this.readyFor = null;
      await line.peer.setRemoteDescription({ type: "answer", sdp: answer });
      this.voice.listen(line.stream);
      // Unplugged while it rang.
      if (line.stream.getAudioTracks()[0]?.readyState === "ended") void this.renew();
      line.peer.onconnectionstatechange = () => this.connection(line);
      this.connection(line);
    } catch (error) {
      if (this.at) requestAtTheEnd(`${this.at}?gone=true`);
      this.close();
      if (error instanceof Problem) this.failed(error);
    }
  };

  /** Only what is connected is said to be; without audio the caller had better come to a colleague. */
  private connection(line: Line): void {
    const now = this.current();
    if (this.line !== line || !now) return;
    const { connectionState } = line.peer;
    if (connectionState === "connected") this.set({ call: { ...now, phase: "up" } });
    if (connectionState !== "failed") return;
    this.leave();
    this.failed(new Problem("no_audio", 0, ""));
  }

  readonly mute = (on: boolean): void => {
    if (!this.state.call || !this.line) return;
    for (const track of this.line.stream.getAudioTracks()) track.enabled = !on;
    this.set({ call: { ...this.state.call, muted: on } });
  };

  readonly press = async (key: string): Promise<void> => {
    if (!this.at) return;
    try {
      await request("POST", `${this.at}/key`, { key });
    } catch (error) {
      this.failed(error);
    }
  };

  /** Also in the middle of a call. */
  readonly chooseInput = async (input: string): Promise<void> => {
    this.keep({ input });
    await this.renew();
  };

  readonly chooseOutput = async (output: string): Promise<void> => {
    this.keep({ output });
    if (await this.ear.goTo(output)) return;
    this.keep({ output: "" });
    this.failed(new Problem("no_output", 0, ""));
  };

  /** How loud it is at both ends now, 0–1. Asked for by the meters, many times a second, so it is no part of the state. */
  readonly levels = (): { voice: number; ear: number } => ({ voice: this.voice.level(), ear: this.ear.level() });

  /** Asked anew after each wait: a call may be over then. */
  private current(): PhoneCall | null {
    return this.state.call;
  }

  /** Whether there is a microphone. In a call it takes the place of the one before. */
  private async renew(): Promise<boolean> {
    let stream: MediaStream | undefined;
    try {
      stream = await this.open();
      const [track] = stream.getAudioTracks();
      const line = this.line;
      if (line && track) {
        track.enabled = !this.state.call?.muted;
        await line.peer.getSenders()[0]?.replaceTrack(track);
        // Over meanwhile, else.
        if (this.line === line) {
          release(line.stream);
          line.stream = stream;
          this.voice.listen(stream);
          return true;
        }
      }
      release(stream);
      return true;
    } catch {
      // `open` has said why; the call goes on with what it has.
      if (stream) release(stream);
      return false;
    }
  }

  private readonly plugged = (): void => {
    void this.listDevices();
    // Who has lost theirs in a call is heard again as soon as one is there.
    if (this.line && this.state.microphone !== "ready") void this.renew();
  };

  private ring(call: string): void {
    if (this.readyFor === call) return;
    this.forget();
    this.readyFor = call;
    this.ready = this.connect(call);
    // Who answers hears of it; a microphone that is refused is shown while it still rings.
    this.ready.catch(() => {
      if (this.readyFor === call) this.ready = this.readyFor = null;
    });
  }

  private async connect(call: string): Promise<Line> {
    const stream = await this.open();
    void this.listDevices();
    const peer = new RTCPeerConnection();
    try {
      const [track] = stream.getAudioTracks();
      const sender = peer.addTransceiver(track!, { direction: "sendrecv", streams: [stream] });
      sender.setCodecPreferences?.(preferred(RTCRtpReceiver.getCapabilities("audio")?.codecs ?? []));
      peer.ontrack = (event) => void this.ear.listen(new MediaStream([event.track]), this.state.output);
      // Our own addresses are not waited for: the gateway does not look for us, we come to it.
      const offer = await peer.createOffer();
      await peer.setLocalDescription(offer);
      return { call, stream, peer, offer: offer.sdp ?? "" };
    } catch (error) {
      peer.close();
      release(stream);
      throw error;
    }
  }

  private async open(): Promise<MediaStream> {
    try {
      if (!LIVE_DEVICES()) throw new DOMException("", "SecurityError");
      const device = this.state.input ? { deviceId: { ideal: this.state.input } } : {};
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...device };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      this.set({ microphone: "ready" });
      // Unplugged in a call: another one, where there is one. What the page itself stops does not say so.
      for (const track of stream.getAudioTracks()) track.onended = () => void (this.line?.stream === stream && this.renew());
      return stream;
    } catch (error) {
      this.set({ microphone: microphoneOf(error) });
      throw error;
    }
  }

  private readonly listDevices = async (): Promise<void> => {
    if (!LIVE_DEVICES()) return;
    const all = await navigator.mediaDevices.enumerateDevices();
    const of = (kind: MediaDeviceKind): MediaDeviceInfo[] => all.filter((device) => device.kind === kind && device.deviceId !== "");
    this.set({ inputs: of("audioinput"), outputs: of("audiooutput") });
  };

  private readonly leave = (): void => {
    if (this.at) requestAtTheEnd(`${this.at}?gone=true`);
    this.close();
  };

  /** What was made ready and is not wanted any more. */
  private forget(): void {
    const ready = this.ready;
    this.ready = this.readyFor = null;
    void ready?.then(drop, () => {});
  }

  private close(): void {
    this.forget();
    if (this.line) drop(this.line);
    this.line = null;
    this.at = null;
    this.ear.stop();
    this.voice.stop();
    if (this.state.call) this.set({ call: null });
  }

  private keep(choice: { input?: string; output?: string }): void {
    this.set(choice);
    try {
      localStorage.setItem(KEPT, JSON.stringify({ input: this.state.input, output: this.state.output }));
    } catch {
      // Only for this time, then.
    }
  }

  private set(change: Partial<PhoneState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** What a telephone speaks comes first, so that nothing is transcoded on the way; Opus stays for gateways that have nothing else. */
export function preferred<T extends { mimeType: string }>(codecs: readonly T[]): T[] {
  const order = ["audio/pcmu", "audio/pcma", "audio/opus"];
  const place = (codec: T): number => order.indexOf(codec.mimeType.toLowerCase());
  return codecs.filter((codec) => place(codec) >= 0).sort((a, b) => place(a) - place(b));
}

function drop(line: Line): void {
  line.peer.close();
  release(line.stream);
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function readKept(): { input: string; output: string } {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    const text = (name: string): string => {
      const value = (kept as Record<string, unknown>)[name];
      return typeof value === "string" ? value : "";
    };
    return { input: text("input"), output: text("output") };
  } catch {
    return { input: "", output: "" };
  }
}
