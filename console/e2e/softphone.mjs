// The phone in the page, in a real browser against a real gateway with real SIP calls: tones both ways, hold, hang-up from both sides, a tab
// that is killed, a microphone that is refused, and how long things take. Run by `make browser-test`, or by hand where the browser's library is
// installed; `world.mjs` tells which variables count, and these:
//
//   CALLS  how many calls the figures are made of (default 10)
//   OPUS   the page likes Opus better than what telephones speak

import { cpus, loadavg } from "node:os";
import { heard, made, stretches, tone } from "./sounds.mjs";
import { call, check, end, firefox, gateway, open, say, spread, users } from "./world.mjs";

/** Promised on a machine that has nothing else to do. */
const idle = loadavg()[0] < cpus().length;
const AUDIBLE_MS_MAX = idle ? 400 : 1500;
const TOLD_MS_MAX = idle ? 1000 : 3000;
const calls = Number(process.env.CALLS ?? 10);
const LOW = 500;
const HIGH = 1000;
const figures = {};

// In bursts: a steady tone is taken for noise by the browser and removed.
const microphone = made("microphone.wav", 48_000, 10, (at) => (at % 0.5 < 0.3 ? tone(HIGH)(at) : 0));
const long = made("long.wav", 8_000, 90, tone(LOW));
/** Speaks softly at one pitch and shouts at another, for four seconds each. */
const [SOFT, LOUD] = [1000, 30_000];
const SHRILL = 1500;
const rising = made("rising.wav", 8_000, 80, (at) => (at % 8 < 4 ? (SOFT / 8000) * tone(LOW)(at) : (LOUD / 8000) * tone(SHRILL)(at)));
const short = made("short.wav", 8_000, 8, tone(LOW));
/** Says a tone: for long, or for eight seconds, after which it hangs up. */
const caller = (name, hangsUp = false) => call(where.sip, name, ["--over", "100", ...(hangsUp ? ["--play", short, "--hangup-after", "100"] : ["--play", long, "--wait", "120000"])]);
async function answered(name, hangsUp) {
  const calling = caller(name, hangsUp);
  await agent.see(".card-phase-word", "");
  await agent.pickUp();
  return calling;
}

/** So many packets of the agent's microphone go out, fifty a second. */
async function sends(what, packets) {
  const { sent } = await agent.report();
  await agent.until(what, async () => (await agent.report()).sent >= sent + packets);
}
const KEYS_PRESSED = "5#0*";
/** Above this the page's limiter works. */
const LIMIT_DB = -12;
const decibels = (height) => 20 * Math.log10(height);
/** How loud this tone is at the agent's ear, where it has been heard for a while: the middle of many looks. */
async function loudness(hertz) {
  const looks = [];
  let steady = 0;
  await agent.until(`a tone of ${hertz} Hz`, async () => {
    const { hertz: heard, level } = await agent.report();
    steady = Math.abs(heard - hertz) < 200 ? steady + 1 : 0;
    if (steady > 10) looks.push(level);
    return looks.length >= 15;
  });
  return decibels(looks.toSorted((a, b) => a - b)[7]);
}

// ---- What is shown -----------------------------------------------------------------------------------------------------------------------------

const where = await gateway();
await users(where);
const agent = await open({ microphone });
try {
  await agent.logIn(where.base);
  await agent.click("Go available");
  await agent.see(".phone", "The microphone works");
  await agent.shot("available");

  // One call, looked at: both ways, hold, another page, and the agent hangs up.
  const first = caller("first");
  await agent.see("button", "Answer");
  await agent.shot("rings");
  await agent.click("Answer");
  await agent.see(".card-phase-word", "In a call");
  await agent.see(".phone", "Connected");
  await agent.until("the caller's tone", async () => Math.abs((await agent.report()).hertz - LOW) < 200);
  const report = await agent.report();
  check(report.codec === (process.env.OPUS ? "audio/opus" : "audio/PCMU"), `the page hears the caller: ${JSON.stringify(report)}`);
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
  // The page's other language and back: the call must not notice.
  const far = (await agent.report()).packets;
  await agent.click("中文");
  await agent.see(".card-phase-word", "通话中");
  await agent.click("English");
  await agent.until("audio in the other language", async () => (await agent.report()).packets > far + 25);
  const clicked = await agent.hangUp();
  const told = await first.until("ended");
  figures["agent hangs up, caller is told"] = told.now - clicked;
  await first.exited;
  const seconds = heard(first.record, HIGH);
  check(seconds > 1, `the caller heard the agent's tone in ${seconds} s of the recording`);
  await agent.wrapUp();

  // Mute, keys and the limiter, by what is heard at both ends.
  const second = call(where.sip, "second", ["--over", "100", "--play", rising, "--wait", "120000"]);
  await agent.pickUp();
  await sends("her tone", 100);
  await agent.click("Mute");
  await agent.see("button", "Microphone on");
  const muted = Date.now();
  await sends("silence", 200);
  await agent.click("Microphone on");
  await agent.see("button", "Mute");
  const silent = (Date.now() - muted) / 1000;
  const [soft, shout] = [await loudness(LOW), await loudness(SHRILL)];
  check(Math.abs(soft - decibels(SOFT / 32_768)) < 1.5, `what is softly said is heard as it came: ${soft.toFixed(1)} dB (said with ${decibels(SOFT / 32_768).toFixed(1)})`);
  check(shout < LIMIT_DB + 1.5 && shout > LIMIT_DB - 3, `a shout of ${decibels(LOUD / 32_768).toFixed(1)} dB comes to the ear with ${shout.toFixed(1)}`);
  await agent.click("Keypad");
  for (const key of KEYS_PRESSED) await agent.click(key);
  await agent.shot("keypad");
  const pressed = () => second.events.filter(({ event }) => event === "key_heard").map(({ detail }) => detail);
  await agent.until(`the keys ${KEYS_PRESSED} at the caller's phone`, () => pressed().length >= KEYS_PRESSED.length);
  await sends("her tone again", 100);
  await agent.hangUp();
  await second.exited;
  check(pressed().join("") === KEYS_PRESSED, `the caller's phone was told the keys ${pressed().join(" ")}`);
  const spans = stretches(second.record, HIGH);
  const seen = spans.map((span) => span.map((at) => at.toFixed(1)).join(" to ")).join(" s, ");
  const quiet = spans.length === 2 ? spans[1][0] - spans[0][1] : 0;
  check(spans.length === 2 && Math.abs(quiet - silent) < 1, `the caller heard the agent from ${seen} s, and nothing of her for ${quiet.toFixed(1)} s (muted for ${silent.toFixed(1)})`);
  await agent.wrapUp();

  // Many calls: from the click to the caller's voice behind the limiter, and the caller hangs up.
  const [audible, closed] = [[], []];
  for (let n = 0; n < calls; n += 1) {
    const calling = await answered(`call${n}`, true);
    const seen = await agent.until("sound", async () => ((await agent.seen()).audible ? agent.seen() : null));
    audible.push(seen.audible - seen.clicked);
    const hungUp = (await calling.until("hanging_up")).now;
    const end = await agent.until("the page's own end", async () => ((await agent.seen()).closed ? agent.seen() : null));
    closed.push(end.closed - hungUp);
    await calling.exited;
    await agent.wrapUp();
  }
  figures["click on Answer to the caller's voice"] = spread(audible);
  figures["caller hangs up, page is told"] = spread(closed);
  const middle = audible.toSorted((a, b) => a - b)[Math.floor(audible.length / 2)];
  check(middle <= AUDIBLE_MS_MAX, `callers are heard ${middle.toFixed(0)} ms after the click (median; at most ${AUDIBLE_MS_MAX})`);
  const latest = Math.max(...closed, told.now - clicked);
  check(latest <= TOLD_MS_MAX, `a hang-up is told within ${latest.toFixed(0)} ms (at most ${TOLD_MS_MAX})`);

  // The tab is killed: the caller is at the head of the line, hears so, and is served when she is back.
  const lost = await answered("lost");
  await agent.until("sound", async () => (await agent.report()).packets > 20);
  const killed = Date.now();
  if (firefox) await agent.browser.process().kill("SIGKILL");
  else await Promise.race([agent.page.goto("chrome://crash").catch(() => {}), new Promise((done) => setTimeout(done, 1000))]);
  const again = await open({ microphone });
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
    await again.hangUp();
    await again.wrapUp();
    await again.click("Go offline");
  } finally {
    await again.browser.close();
  }

  // Microphones that are refused or missing.
  if (!firefox) {
    for (const [name, how, text] of [
      ["refused", { refused: true, microphone }, "may not use the microphone"],
      ["missing", {}, "No microphone was found"],
    ]) {
      const other = await open(how);
      try {
        if (name === "refused") {
          const devtools = await other.browser.newBrowserCDPSession();
          await devtools.send("Browser.setPermission", { permission: { name: "microphone" }, setting: "denied", origin: where.base });
        }
        await other.logIn(where.base);
        await other.click("Go available");
        await other.see(".locked", text);
        await other.shot(name);
        check(await other.page.locator(".presence-now", { hasText: "Offline" }).count(), `${name}: the page says so, and nobody rings there`);
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
  end();
}
