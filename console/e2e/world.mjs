// The world that the programs beside this file share: a real gateway on free ports with users and agents, real callers over SIP, and real browsers
// in which agents sit. Nothing here checks anything; `softphone.mjs`, `talks.mjs` and `pages.mjs` do.
//
//   HOTLINE            the program (default target/debug/hotline); it is started on ports that are free
//   BROWSER            chromium (default; playwright-core) or firefox (puppeteer-core, WebDriver BiDi)
//   CHROMIUM, FIREFOX  the browsers (default /usr/bin/chromium, /usr/bin/firefox-esr)
//   DIST               a folder that Chromium loads the page from instead of the gateway (`npm run build` without building the program anew)
//   SHOTS              a folder for screenshots
//   LOUD               what the gateway says is shown
//
// The libraries of the browsers are no dependencies of the page: run the programs where they are installed.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { networkInterfaces, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { listen, speak } from "./listen.mjs";

export const hotline = resolve(process.env.HOTLINE ?? "target/debug/hotline");
export const firefox = process.env.BROWSER === "firefox";
export const folder = mkdtempSync(join(tmpdir(), "hotline-page-"));
export const require = createRequire(join(process.cwd(), "here.js"));
export const PASSWORD = "four cups of green tea";
const ROOT_PASSWORD = "correct horse battery";
/** Firefox comes to no loopback address. */
const outside = Object.values(networkInterfaces()).flat().find((one) => one.family === "IPv4" && !one.internal)?.address;
export const address = firefox ? outside : "127.0.0.1";
const children = [];

const program = basename(process.argv[1] ?? "").replace(".mjs", "");
export const say = (text) => console.log(`${program}: ${text}`);
export const check = (fact, text) => {
  if (!fact) throw new Error(text);
  say(text);
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
export const spread = (values) =>
  `median ${median(values).toFixed(0)} ms of ${values.length}, ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until it is so, half a minute at most, and gives what made it so. */
export async function until(what, test, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what} was not seen`);
    await pause(50);
  }
}

// ---- The gateway and its callers -------------------------------------------------------------------------------------------------------------

export const FLOW = `hotline: 1
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
`;

function start(words, onLine) {
  const child = spawn(hotline, words, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", onLine);
  return child;
}

/** Runs the program to its end; what it printed. */
export async function run(...words) {
  const lines = [];
  const child = start(words, (line) => lines.push(line));
  const code = await new Promise((done) => child.on("close", done));
  if (code !== 0) throw new Error(`hotline ${words.join(" ")}: ${lines.join("\n")}`);
  return lines;
}

/** A gateway whose agents all have their phones in the page. */
export async function gateway({ flow = FLOW, agents = ["anna"], queues = ["support"], ring = 20, queue = "", more = "" } = {}) {
  const file = join(folder, "line.yaml");
  writeFileSync(file, flow);
  const config = join(folder, "hotline.toml");
  const lines = queues.map((name) => `[[queue]]\nname = "${name}"\nring_seconds = ${ring}\nwrap_up_seconds = 60\n${queue}`);
  const seats = agents.map((name) => `[[agent]]\nname = "${name}"\nphone = "browser"\nqueues = ${JSON.stringify(queues)}\n`);
  writeFileSync(
    config,
    `[sip]
udp = "127.0.0.1:0"
tcp = "127.0.0.1:0"
[[number]]
dialled = "5551000"
flow = ${JSON.stringify(file)}
[store]
dir = "store"
[web]
listen = "127.0.0.1:0"
[limits]
calls_per_minute = 1000
calls_per_minute_per_caller = 0
${lines.join("")}${seats.join("")}[desk]
media_ip = ${JSON.stringify(address)}
${more}`,
  );
  const [found, told] = [{}, []];
  const stop = await new Promise((done, fail) => {
    const child = start(["serve", "--config", config], (line) => {
      if (process.env.LOUD) console.log(`  ${line}`);
      if (!found.setup) told.push(line);
      found.sip ??= /takes calls on sip:(\S+)/.exec(line)?.[1];
      found.setup ??= /(http:\/\/\S+\/setup#\S+)/.exec(line)?.[1];
      if (line.includes("ready") && found.sip && found.setup) done(() => child.kill("SIGKILL"));
    });
    child.on("exit", () => fail(new Error(`the gateway did not start: ${told.join("\n")}`)));
  });
  return { sip: found.sip, base: found.setup.split("/setup")[0], setup: found.setup, token: found.setup.split("#")[1], stop };
}

/** The administrator `root`, where there is none yet, and one user for each of these. */
export async function users({ base, token }, list = [{ name: "anna", role: "supervisor", agent: "anna" }]) {
  const ask = async (path, body, cookie) => {
    const headers = { "content-type": "application/json", ...(cookie ? { cookie } : {}) };
    const response = await fetch(`${base}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.headers.get("set-cookie")?.split(";")[0];
  };
  const root = { name: "root", password: ROOT_PASSWORD };
  const cookie = token ? await ask("/setup", { token, ...root }) : await ask("/session", root);
  for (const user of list) await ask("/users", { password: PASSWORD, ...user }, cookie);
}

/** A call that asks for a person by key and then does this. Its times are `Date.now()`. */
export function call(sip, name, then, { from = "4930123456", before = ["--wait", "1500"] } = {}) {
  return phone(name, [`sip:5551000@${sip}`, "--from", from, ...before, "--dtmf", "0", ...then]);
}

/** Somebody who is called on a free port, answers, and does this. */
export const answers = (name, then) => phone(name, ["--answer", "--listen", "127.0.0.1:0", ...then]);

function phone(name, words) {
  const record = join(folder, `${name}.wav`);
  const events = [];
  const waiting = [];
  const child = start(["call", ...words, "--record", record, "--json"], (line) => {
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

/** Everything that was started is ended, and what was written is gone. */
export function end() {
  for (const child of children) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}

// ---- One face for both browsers ----------------------------------------------------------------------------------------------------------------

/** A page that likes Opus best. */
function likeOpus() {
  const prefer = RTCRtpTransceiver.prototype.setCodecPreferences;
  RTCRtpTransceiver.prototype.setCodecPreferences = function (codecs) {
    return prefer.call(this, codecs.toReversed());
  };
}

let card = null;

/** Firefox plays and mixes nothing on a machine without a sound card: it gets one that nobody hears. */
function soundCard() {
  card ??= (async () => {
    const socket = join(folder, "sound");
    const words = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"];
    words.push("-L", `module-native-protocol-unix socket=${socket} auth-anonymous=1`, "-L", "module-null-sink rate=48000");
    const child = spawn("pulseaudio", words, { stdio: "ignore", env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } });
    children.push(child);
    let missing = false;
    child.on("error", () => (missing = true));
    await until("PulseAudio's socket (apt-get install pulseaudio)", () => missing || existsSync(socket), 10);
    if (missing) throw new Error("pulseaudio is missing, and without it Firefox has no sound card here: apt-get install pulseaudio");
    process.env.PULSE_SERVER = `unix:${socket}`;
  })();
  return card;
}

/**
 * A browser with an empty page. `microphone` is a WAV file, without it Chromium has none and Firefox its own; `refused` = the agent says no. What else is
 * given is what Playwright asks of a page (viewport, colorScheme, locale).
 */
export async function open({ microphone = null, refused = false, ...looks } = {}) {
  if (firefox) {
    await soundCard();
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
        "media.autoplay.block-webaudio": false,
        "media.autoplay.blocking_policy": 0,
        "intl.accept_languages": "en-GB",
      },
    });
    const page = await browser.newPage();
    await page.evaluateOnNewDocument(listen);
    if (microphone) await page.evaluateOnNewDocument(speak, readFileSync(microphone).toString("base64"));
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
      choose: async (text) => {
        await page.waitForFunction((t) => [...document.querySelectorAll("[role=option]")].some((o) => o.textContent.includes(t)), { timeout: 30_000 }, text);
        await page.evaluate((t) => [...document.querySelectorAll("[role=option]")].find((o) => o.textContent.includes(t)).click(), text);
      },
      gone: (selector) => page.waitForFunction((s) => !document.querySelector(s), { timeout: 30_000 }, selector),
    });
  }
  const { chromium } = require("playwright-core");
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  if (microphone) args.push("--use-fake-device-for-media-stream", `--use-file-for-fake-audio-capture=${microphone}`);
  // What does not come from the gateway counts as another network's page, which may open no socket to this machine.
  if (process.env.DIST) args.push("--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebRTC");
  if (!refused) args.push("--use-fake-ui-for-media-stream");
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  return another(browser, looks);
}

/** One more page in this Chromium, with a session of its own. */
export async function another(browser, looks = {}) {
  const page = await browser.newPage({ locale: "en-GB", viewport: { width: 1360, height: 860 }, ...looks });
  page.setDefaultTimeout(30_000);
  await page.addInitScript(listen);
  if (process.env.OPUS) await page.addInitScript(likeOpus);
  if (process.env.DIST) await page.route(/^http:\/\/[^/]+\/(?!api\/)[^?]*$/, fromDist);
  return face(page, browser, {
    fill: (label, text) => page.getByLabel(label, { exact: true }).fill(text),
    see: (selector, text) => page.locator(selector, { hasText: text }).first().waitFor(),
    click: (text) => page.getByRole("button", { name: new RegExp(`^${text.replaceAll(/[*?+.]/g, "\\$&")}`) }).last().click(),
    choose: (text) => page.getByRole("option", { name: new RegExp(text) }).click(),
    gone: (selector) => page.locator(selector).first().waitFor({ state: "detached" }),
  });
}

function fromDist(route) {
  const path = new URL(route.request().url()).pathname;
  const file = join(resolve(process.env.DIST), path === "/" || !existsSync(join(resolve(process.env.DIST), path)) ? "index.html" : path);
  return route.fulfill({ path: file });
}

function face(page, browser, hands) {
  return {
    page,
    browser,
    ...hands,
    until,
    seen: () => page.evaluate(() => ({ clicked: seen.clicked, audible: seen.audible, closed: seen.closed, peers: seen.peers.length })),
    report: () => page.evaluate(() => report()),
    shot: async (name) => process.env.SHOTS && (await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) })),
    key: (key) => page.keyboard.press(key),
    async logIn(base, name = "anna") {
      await page.goto(base);
      await this.fill("Login name", name);
      await this.fill("Password", name === "root" ? ROOT_PASSWORD : PASSWORD);
      await this.click("Log in");
      await this.see("#content > :not(.loading)", "");
    },
    async goAvailable() {
      await this.click("Go available");
      await this.see(".presence", "Available");
    },
    async pickUp() {
      await this.see("button", "Answer");
      await this.click("Answer");
      await this.see(".card-phase-word", "In a call");
    },
    async hangUp() {
      await this.click("Hang up");
      await this.see("[role=dialog]", "Hang up?");
      const clicked = Date.now();
      await this.click("Hang up");
      return clicked;
    },
    async wrapUp() {
      await this.see(".wrapup", "");
      await this.click("Done, available");
      await this.gone(".wrapup");
    },
  };
}
