// The phone in the page, in a real browser against a real gateway with real SIP calls: tones both ways, hold, hang-up from both sides, a tab
// that is killed, a microphone that is refused, and how long things take. Run by hand:
//
//   HOTLINE            the program (default target/debug/hotline); it is started on ports that are free
//   BROWSER            chromium (default; playwright-core) or firefox (puppeteer-core, WebDriver BiDi)
//   CHROMIUM, FIREFOX  the browsers (default /usr/bin/chromium, /usr/bin/firefox-esr)
//   CALLS              how many calls the figures are made of (default 10)
//   OPUS               the page likes Opus better than what telephones speak
//   SHOTS              a folder for screenshots
//
// Neither library is a dependency of the page: run it where they are installed.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { networkInterfaces, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const hotline = resolve(process.env.HOTLINE ?? "target/debug/hotline");
const firefox = process.env.BROWSER === "firefox";
const calls = Number(process.env.CALLS ?? 10);
const folder = mkdtempSync(join(tmpdir(), "hotline-softphone-"));
const require = createRequire(join(process.cwd(), "here.js"));
const PASSWORD = "four cups of green tea";
const LOW = 500;
const HIGH = 1000;
/** Firefox comes to no loopback address. */
const outside = Object.values(networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal)?.address;
const address = firefox ? outside : "127.0.0.1";
const children = [];
const figures = {};

// ---- The gateway and its callers -------------------------------------------------------------------------------------------------------------

function wav(name, rate, seconds, sample) {
  const count = Math.round(rate * seconds);
  const data = Buffer.alloc(44 + count * 2);
  data.write("RIFF", 0);
  data.writeUInt32LE(36 + count * 2, 4);
  data.write("WAVEfmt ", 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(rate, 24);
  data.writeUInt32LE(rate * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write("data", 36);
  data.writeUInt32LE(count * 2, 40);
  for (let n = 0; n < count; n += 1) data.writeInt16LE(Math.round(sample(n / rate)), 44 + n * 2);
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}
const tone = (hertz) => (at) => 8000 * Math.sin(2 * Math.PI * hertz * at);
// In bursts: a steady tone is taken for noise by the browser and removed.
const microphone = wav("microphone.wav", 48_000, 10, (at) => (at % 0.5 < 0.3 ? tone(HIGH)(at) : 0));
const long = wav("long.wav", 8_000, 90, tone(LOW));
const short = wav("short.wav", 8_000, 8, tone(LOW));

/** Seconds of the right channel (what was heard) in which this tone stands out. */
function heard(path, hertz) {
  const bytes = readFileSync(path);
  const rate = bytes.readUInt32LE(24);
  const data = bytes.indexOf("data") + 8;
  const samples = [];
  for (let at = data; at + 3 < bytes.length; at += 4) samples.push(bytes.readInt16LE(at + 2));
  const window = rate / 20;
  let windows = 0;
  for (let from = 0; from + window <= samples.length; from += window) {
    let [re, im, power] = [0, 0, 0];
    for (let n = 0; n < window; n += 1) {
      const sample = samples[from + n];
      re += sample * Math.cos((2 * Math.PI * hertz * n) / rate);
      im += sample * Math.sin((2 * Math.PI * hertz * n) / rate);
      power += sample * sample;
    }
    if (power > 1e6 && ((re * re + im * im) * 2) / (window * power) > 0.5) windows += 1;
  }
  return windows / 20;
}

function start(words, onLine) {
  const child = spawn(hotline, words, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  return child;
}

async function gateway() {
  const flow = join(folder, "line.yaml");
  writeFileSync(
    flow,
    `hotline: 1
name: line
languages: [en]
zone: UTC
record: off
person: { to: support }
targets: { support: { queue: support } }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }
nodes:
  welcome: { ask: "This is automatic. What is it about?", keys: { "1": hours } }
  hours: { say: "From nine to five.", then: welcome }
`,
  );
  const config = join(folder, "hotline.toml");
  writeFileSync(
    config,
    `[sip]
udp = "127.0.0.1:0"
tcp = "127.0.0.1:0"
[[number]]
dialled = "5551000"
flow = ${JSON.stringify(flow)}
[store]
dir = "store"
[web]
listen = "127.0.0.1:0"
[limits]
calls_per_minute = 1000
calls_per_minute_per_caller = 0
[[queue]]
name = "support"
ring_seconds = 20
wrap_up_seconds = 60
[[agent]]
name = "anna"
phone = "browser"
queues = ["support"]
[desk]
media_ip = ${JSON.stringify(address)}
`,
  );
  const found = {};
  await new Promise((done, fail) => {
    const child = start(["serve", "--config", config], (line) => {
      if (process.env.LOUD) console.log(`  ${line}`);
      found.sip ??= /takes calls on sip:(\S+)/.exec(line)?.[1];
      found.setup ??= /(http:\/\/\S+\/setup#\S+)/.exec(line)?.[1];
      if (line.includes("ready") && found.sip && found.setup) done();
    });
    child.on("exit", () => fail(new Error("the gateway did not start")));
  });
  return { sip: found.sip, base: found.setup.split("/setup")[0], token: found.setup.split("#")[1] };
}

async function users({ base, token }) {
  const ask = async (path, body, cookie) => {
    const headers = { "content-type": "application/json", ...(cookie ? { cookie } : {}) };
    const response = await fetch(`${base}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.headers.get("set-cookie")?.split(";")[0];
  };
  const cookie = await ask("/setup", { token, name: "root", password: "correct horse battery" });
  await ask("/users", { name: "anna", role: "supervisor", agent: "anna", password: PASSWORD }, cookie);
}

/** A call that asks for a person by key and then says a tone: for long, or for eight seconds, after which it hangs up. */
function call(sip, name, hangsUp = false) {
  const then = hangsUp ? ["--play", short, "--hangup-after", "100"] : ["--play", long, "--wait", "120000"];
  const record = join(folder, `${name}.wav`);
  const events = [];
  const waiting = [];
  const words = ["call", `sip:5551000@${sip}`, "--from", "4930123456", "--record", record, "--json", "--wait", "1500", "--dtmf", "0"];
  const child = start([...words, "--over", "100", ...then], (line) => {
    try {
      events.push({ ...JSON.parse(line), now: Date.now() });
    } catch {
      return;
    }
    waiting.forEach((check) => check());
  });
  const is = (event) => events.find((e) => e.event === event);
  const until = (event) =>
    new Promise((done) => {
      const check = () => is(event) && done(is(event));
      waiting.push(check);
      check();
    });
  return { record, events, is, until, exited: new Promise((done) => child.on("exit", done)) };
}

// ---- Inside the page -------------------------------------------------------------------------------------------------------------------------

/** A page that likes Opus best. */
function likeOpus() {
  const prefer = RTCRtpTransceiver.prototype.setCodecPreferences;
  RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
    return prefer.call(this, codecs.toReversed());
  };
}

/** Notes when the page clicks, hears and closes; listens behind the limiter, as the agent does. */
function watch() {
  const seen = { clicked: 0, audible: 0, closed: 0, peers: [] };
  window.seen = seen;
  document.addEventListener("click", (e) => /^Answer/.test(e.target.closest?.("button")?.textContent ?? "") && ((seen.clicked = performance.timeOrigin + performance.now()), (seen.audible = 0), (seen.closed = 0)), true);
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
  AudioContext.prototype.createMediaStreamDestination = function () {
    const node = make.call(this);
    const analyser = this.createAnalyser();
    analyser.fftSize = 256;
    seen.analyser = analyser;
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (to, ...rest) {
      if (to === node) connect.call(this, analyser);
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
    return { hertz, codec, level, packets: inbound?.packetsReceived, lost: inbound?.packetsLost, jitter: inbound?.jitterBufferDelay / inbound?.jitterBufferEmittedCount };
  };
}

// ---- One face for both browsers ----------------------------------------------------------------------------------------------------------------

async function open({ silent = false, refused = false } = {}) {
  if (firefox) {
    const puppeteer = require("puppeteer-core");
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
      headless: true,
      extraPrefsFirefox: {
        "media.navigator.streams.fake": true,
        "media.navigator.permission.disabled": true,
        "media.peerconnection.ice.loopback": true,
        "media.autoplay.default": 0,
        "intl.accept_languages": "en-GB",
      },
    });
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(watch);
    if (process.env.OPUS) await page.evaluateOnNewDocument(likeOpus);
    return face(page, browser, {
      fill: async (label, text) => {
        const field = await page.waitForSelector(`aria/${label}`);
        await field.type(text);
      },
      see: (selector, text) => page.waitForFunction((s, t) => [...document.querySelectorAll(s)].some((e) => e.textContent.includes(t) && e.offsetParent !== null), { timeout: 30_000 }, selector, text),
      click: async (text) => {
        await page.waitForFunction((t) => [...document.querySelectorAll("button")].some((b) => b.textContent.trim().startsWith(t)), { timeout: 30_000 }, text);
        await page.evaluate((t) => [...document.querySelectorAll("button")].filter((b) => b.textContent.trim().startsWith(t)).at(-1).click(), text);
      },
      gone: (selector) => page.waitForFunction((s) => !document.querySelector(s), { timeout: 30_000 }, selector),
    });
  }
  const { chromium } = require("playwright-core");
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  if (!silent) args.push("--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`);
  if (!refused) args.push("--use-fake-ui-for-media-stream");
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  const page = await browser.newPage({ locale: "en-GB", viewport: { width: 1360, height: 860 } });
  page.setDefaultTimeout(30_000);
  await page.addInitScript(watch);
  if (process.env.OPUS) await page.addInitScript(likeOpus);
  return face(page, browser, {
    fill: (label, text) => page.getByLabel(label, { exact: true }).fill(text),
    see: (selector, text) => page.locator(selector, { hasText: text }).first().waitFor(),
    click: (text) => page.getByRole("button", { name: new RegExp(`^${text}`) }).last().click(),
    gone: (selector) => page.locator(selector).first().waitFor({ state: "detached" }),
  });
}

function face(page, browser, hands) {
  const until = async (what, test) => {
    const end = Date.now() + 30_000;
    for (;;) {
      const value = await test();
      if (value) return value;
      if (Date.now() > end) throw new Error(`${what} was not seen`);
      await new Promise((done) => setTimeout(done, 50));
    }
  };
  return {
    page,
    browser,
    ...hands,
    until,
    seen: () => page.evaluate(() => ({ clicked: seen.clicked, audible: seen.audible, closed: seen.closed, peers: seen.peers.length })),
    report: () => page.evaluate(() => report()),
    shot: async (name) => process.env.SHOTS && (await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) })),
    async logIn(base) {
      await page.goto(base);
      await this.fill("Login name", "anna");
      await this.fill("Password", PASSWORD);
      await this.click("Log in");
      await this.see(".presence", "You");
    },
    async answered(name, hangsUp) {
      const caller = call(where.sip, name, hangsUp);
      await this.see(".card-phase-word", "");
      await this.see("button", "Answer");
      await this.click("Answer");
      await this.see(".card-phase-word", "In a call");
      return caller;
    },
    async wrapUp() {
      await this.see(".wrapup", "");
      await this.click("Done, available");
      await this.gone(".wrapup");
    },
  };
}

const say = (text) => console.log(`softphone: ${text}`);
const check = (fact, text) => {
  if (!fact) throw new Error(text);
  say(text);
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `median ${median(values).toFixed(0)} ms of ${values.length}, ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;

// ---- What is shown -----------------------------------------------------------------------------------------------------------------------------

const where = await gateway();
await users(where);
const agent = await open();
try {
  await agent.logIn(where.base);
  await agent.click("Go available");
  await agent.see(".phone", "The microphone works");
  await agent.shot("available");

  // One call, looked at: both ways, hold, another page, and the agent hangs up.
  const first = call(where.sip, "first");
  await agent.see("button", "Answer");
  await agent.shot("rings");
  await agent.click("Answer");
  await agent.see(".card-phase-word", "In a call");
  await agent.see(".phone", "Connected");
  if (firefox) {
    // Without a gesture that counts, sound stays locked in this headless browser: the connection's own figures tell.
    const loud = await agent.until("the caller's tone", async () => ((await agent.report()).level > 0.05 ? agent.report() : null));
    check(loud.packets > 10, `the page hears the caller: ${JSON.stringify(loud)}`);
  } else {
    await agent.until("the caller's tone", async () => Math.abs((await agent.report()).hertz - LOW) < 200);
    check(true, `the page hears the caller: ${JSON.stringify(await agent.report())}`);
  }
  await new Promise((done) => setTimeout(done, 3000));
  await agent.shot("talks");
  await agent.click("Hold");
  await agent.see(".card-phase-word", "hold");
  await agent.until("silence while held", async () => (await agent.report()).level < 0.01);
  say("held: the agent hears nothing, the caller music");
  await agent.click("Back to the caller");
  await agent.until("the tone after the hold", async () => (await agent.report()).level > 0.05);
  await agent.page.evaluate(() => (location.hash = "#/wall"));
  await agent.see("h1, h2", "");
  const before = (await agent.report()).packets;
  await agent.until("audio on another page", async () => (await agent.report()).packets > before + 25);
  await agent.shot("wall");
  await agent.page.evaluate(() => (location.hash = "#/desk"));
  say("the call goes on while another page is looked at");
  await agent.click("Mute");
  await agent.see("button", "Microphone on");
  await agent.click("Microphone on");
  await agent.click("Keypad");
  await agent.click("5");
  await agent.shot("keypad");
  await agent.click("Hang up");
  const clicked = Date.now();
  await agent.click("Hang up");
  const told = await first.until("ended");
  figures["agent hangs up, caller is told"] = told.now - clicked;
  await first.exited;
  // Firefox's own microphone that is none says 1000 Hz, too.
  const seconds = heard(first.record, HIGH);
  check(seconds > 1, `the caller heard the agent's tone in ${seconds} s of the recording`);
  await agent.wrapUp();

  // Many calls: from the click to the caller's voice behind the limiter, and the caller hangs up.
  const [audible, closed] = [[], []];
  for (let n = 0; n < calls; n += 1) {
    const caller = await agent.answered(`call${n}`, true);
    if (!firefox) {
      const seen = await agent.until("sound", async () => ((await agent.seen()).audible ? agent.seen() : null));
      audible.push(seen.audible - seen.clicked);
    }
    const hungUp = (await caller.until("hanging_up")).now;
    const end = await agent.until("the page's own end", async () => ((await agent.seen()).closed ? agent.seen() : null));
    closed.push(end.closed - hungUp);
    await caller.exited;
    await agent.wrapUp();
  }
  if (audible.length) figures["click on Answer to the caller's voice"] = spread(audible);
  figures["caller hangs up, page is told"] = spread(closed);

  // The tab is killed: the caller is at the head of the line, hears so, and is served when she is back.
  const lost = await agent.answered("lost");
  await agent.until("sound", async () => (await agent.report()).packets > 20);
  const killed = Date.now();
  if (firefox) await agent.browser.process().kill("SIGKILL");
  else await Promise.race([agent.page.goto("chrome://crash").catch(() => {}), new Promise((done) => setTimeout(done, 1000))]);
  const again = await open();
  try {
    await again.logIn(where.base);
    const word = await again.page.evaluate(() => document.querySelector("#presence-state")?.textContent);
    say(`after the tab's death the desk says: ${word}`);
    await again.click("Go available");
    await again.see("button", "Answer");
    await again.shot("again");
    await again.click("Answer");
    await again.see(".card-phase-word", "In a call");
    figures["tab killed, served again (login included)"] = Date.now() - killed;
    check(!lost.is("ended"), "the caller of the killed tab is served again");
    await again.click("Hang up");
    await again.click("Hang up");
    await again.wrapUp();
    await again.click("Go offline");
  } finally {
    await again.browser.close();
  }

  // Microphones that are refused or missing.
  if (!firefox) {
    for (const [name, how, text] of [
      ["refused", { refused: true }, "may not use the microphone"],
      ["missing", { silent: true }, "No microphone was found"],
    ]) {
      const other = await open(how);
      try {
        if (name === "refused") {
          const devtools = await other.browser.newBrowserCDPSession();
          await devtools.send("Browser.setPermission", { permission: { name: "microphone" }, setting: "denied", origin: where.base });
        }
        await other.logIn(where.base);
        await other.click(await other.page.getByRole("button", { name: "Go available" }).count() ? "Go available" : "Available");
        await other.see(".locked", text);
        await other.shot(name);
        await other.click("Go offline");
        say(`${name}: the page says so`);
      } finally {
        await other.browser.close();
      }
    }
  }
  for (const [what, figure] of Object.entries(figures)) say(`${what}: ${figure}${typeof figure === "number" ? " ms" : ""}`);
} catch (error) {
  await agent.shot("failed").catch(() => {});
  throw error;
} finally {
  await agent.browser.close().catch(() => {});
  for (const child of children) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
