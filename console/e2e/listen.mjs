// Runs inside of the page, before its own scripts. `listen` notes when the page clicks, hears and closes, and keeps what the agent hears, behind the limiter.

export function listen() {
  const seen = { clicked: 0, audible: 0, closed: 0, peers: [], heard: [], rate: 0, keeps: false };
  window.seen = seen;
  document.addEventListener("click", (e) => /^(Answer|接听)/.test(e.target.closest?.("button")?.textContent ?? "") && ((seen.clicked = performance.timeOrigin + performance.now()), (seen.audible = 0), (seen.closed = 0)), true);
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...words) {
      super(...words);
      seen.peers.push(this);
    }
    close() {
      if (this.connectionState === "connected") seen.closed = performance.timeOrigin + performance.now();
      super.close();
    }
  };
  const make = AudioContext.prototype.createMediaStreamDestination;
  const connect = AudioNode.prototype.connect;
  AudioContext.prototype.createMediaStreamDestination = function () {
    const node = make.call(this);
    const analyser = this.createAnalyser();
    analyser.fftSize = 256;
    seen.analyser = analyser;
    const tap = this.createScriptProcessor(4096, 1, 1);
    // The taps of earlier calls hear silence.
    seen.tap = tap;
    tap.onaudioprocess = (event) => seen.keeps && seen.tap === tap && seen.heard.push(new Float32Array(event.inputBuffer.getChannelData(0)));
    seen.rate = this.sampleRate;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to === node) {
        connect.call(this, analyser);
        connect.call(this, tap);
        connect.call(tap, this.context.destination);
      }
      return connect.call(this, to, ...rest);
    };
    const samples = new Float32Array(256);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      if (!seen.audible && samples.some((s) => Math.abs(s) > 0.05)) seen.audible = performance.timeOrigin + performance.now();
      if (seen.closed) clearInterval(timer);
    }, 2);
    return node;
  };
  /** Begins to keep what is heard, or gives what was kept, as samples of 16 bits, a telephone's eight thousand a second. */
  window.keep = (on) => {
    seen.keeps = on;
    const [all, step] = [seen.heard.flatMap((part) => Array.from(part)), seen.rate / 8000];
    seen.heard = [];
    const samples = Array.from({ length: Math.floor(all.length / step) }, (_, n) => {
      const some = all.slice(Math.floor(n * step), Math.max(Math.floor((n + 1) * step), Math.floor(n * step) + 1));
      return Math.round((some.reduce((sum, sample) => sum + sample, 0) / some.length) * 32_767);
    });
    return { rate: 8000, samples };
  };
  /** Which tone stands out behind the limiter, and what the connection counts. */
  window.report = async () => {
    const peer = seen.peers.findLast((p) => p.connectionState === "connected");
    const stats = peer ? [...(await peer.getStats()).values()] : [];
    const inbound = stats.find((s) => s.type === "inbound-rtp");
    const codec = stats.find((s) => s.id === inbound?.codecId)?.mimeType;
    let [hertz, level] = [0, inbound?.audioLevel];
    if (seen.analyser?.context.state === "running") {
      const samples = new Float32Array(seen.analyser.fftSize);
      seen.analyser.getFloatTimeDomainData(samples);
      level = Math.max(...samples.map(Math.abs));
      const bins = new Float32Array(seen.analyser.frequencyBinCount);
      seen.analyser.getFloatFrequencyData(bins);
      const top = bins.indexOf(Math.max(...bins));
      hertz = (top * seen.analyser.context.sampleRate) / seen.analyser.fftSize;
    }
    const sent = stats.find((s) => s.type === "outbound-rtp")?.packetsSent;
    return { hertz, codec, level, sent, packets: inbound?.packetsReceived, lost: inbound?.packetsLost, jitter: inbound?.jitterBufferDelay / inbound?.jitterBufferEmittedCount };
  };
}

/** A browser without a microphone that could be given words (Firefox) gets this one: a WAV file (base64), over and over. */
export function speak(file) {
  const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)).buffer;
  let microphone = null;
  navigator.mediaDevices.getUserMedia = async () => {
    microphone ??= (async () => {
      const context = new AudioContext();
      const source = context.createBufferSource();
      source.buffer = await context.decodeAudioData(bytes);
      source.loop = true;
      const node = new MediaStreamAudioDestinationNode(context);
      source.connect(node);
      source.start();
      await context.resume();
      return node.stream;
    })();
    return (await microphone).clone();
  };
}
