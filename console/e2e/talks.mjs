// Real conversations in a real browser: what the caller says is understood at the agent's ear and the other way round, the conversation is read while it
// is spoken, and a caller who is sent on, asked about or left by a killed tab comes to a colleague whose phone is in the page, too. In Firefox the
// words of both ways are all. `world.mjs` tells which variables count.

import { cpus, loadavg } from "node:os";
import { number, read, silence, spoken, understood, wav, wide } from "./sounds.mjs";
import { FLOW, call, check, end, firefox, gateway, open, pause, say, spread, until, users } from "./world.mjs";

/** How far the page may be behind what is spoken, in the middle: recognising takes processors, and on a machine that is busy with other things it waits. */
const BEHIND_MS_MAX = loadavg()[0] < cpus().length ? 1000 : 3000;
const figures = {};

/** Six digits, again and again: what is said is only known to who says it. */
async function repeated(digits, times) {
  const words = await spoken(digits);
  return Array.from({ length: times }, () => [...silence(0.6), ...words, ...silence(1.2)]).flat();
}

const [annas, bobs, theirs] = [number(), number(), number()];
const caller = wav("caller.wav", 8_000, await repeated(theirs, 120));
const calls = (name) => call(where.sip, name, ["--over", "100", "--play", caller]);
const microphone = async (name, digits) => wav(name, 48_000, wide(await repeated(digits, 3)));

/** Keeps what the agent hears until some of it can be understood as these digits. */
async function hears(agent, digits, what) {
  await agent.page.evaluate(() => keep(true));
  const all = [];
  await until(what, async () => {
    await pause(4500);
    all.push(...(await understood(await agent.page.evaluate(() => keep(true)))));
    return all.includes(digits);
  }).catch((error) => {
    throw new Error(`${error.message}: “${digits}” was heard as ${all.join("; ")}`);
  });
  await agent.page.evaluate(() => keep(false));
  say(`${what}: “${digits}” in ${all.filter((text) => text === digits).length} of ${all.length} parts`);
}

/** What was understood in the recording of who called. */
async function heardBy(calling, digits, what) {
  const texts = await understood(read(calling.record, 1));
  check(texts.includes(digits), `${what}: “${digits}” in ${texts.filter((text) => text === digits).length} of ${texts.length} parts of the caller's recording${texts.includes(digits) ? "" : ` (${texts.join("; ")})`}`);
}

const where = await gateway({ agents: ["anna", "bob"], more: "transcript = true\n", flow: FLOW });
await users(where, [
  { name: "anna", display: "Anna Smith", role: "supervisor", agent: "anna" },
  { name: "bob", display: "Bob Jones", role: "agent", agent: "bob" },
]);
const anna = await open({ microphone: await microphone("anna.wav", annas) });
const bob = await open({ microphone: await microphone("bob.wav", bobs) });
try {
  await anna.logIn(where.base);
  await bob.logIn(where.base, "bob");
  await anna.goAvailable();

  // Both ways, by words.
  const first = calls("first");
  await anna.pickUp();
  await hears(anna, theirs, "the agent understands the caller");
  if (firefox) {
    await anna.hangUp();
    await first.exited;
    await heardBy(first, annas, "the caller understands the agent");
  } else {
    await colleagues(first);
    await reads();
  }
  for (const [what, figure] of Object.entries(figures)) say(`${what}: ${figure}${typeof figure === "number" ? " ms" : ""}`);
} catch (error) {
  await anna.shot("failed-anna").catch(() => {});
  await bob.shot("failed-bob").catch(() => {});
  throw error;
} finally {
  await anna.browser.close().catch(() => {});
  await bob.browser.close().catch(() => {});
  end();
}

async function colleagues(first) {
  // Bob is asked: the caller is on hold, and comes to him when he takes over.
  await bob.goAvailable();
  await anna.click("Ask a colleague");
  await anna.see("[role=option]", "bob");
  await anna.page.getByRole("option", { name: /bob/ }).click();
  await bob.see("button", "Answer");
  await bob.shot("asked");
  await bob.click("Answer");
  await anna.see(".note", "You talk with");
  await bob.see(".note", "You talk with");
  await anna.shot("asks");
  await hears(bob, annas, "the colleague who is asked understands the agent");
  await hears(anna, bobs, "the agent understands the colleague who is asked");
  await anna.click("Hand over");
  await bob.see(".card-phase-word", "In a call");
  await hears(bob, theirs, "the colleague understands the caller who was handed over");
  await anna.wrapUp();

  // Sent on without asking, back to Anna.
  await bob.click("Transfer");
  await bob.page.getByRole("option", { name: /anna/ }).click();
  await anna.pickUp();
  await hears(anna, theirs, "the agent understands the caller who was sent on");
  await bob.wrapUp();
  await bob.click("Go offline");
  const clicked = await anna.hangUp();
  figures["agent hangs up, caller is told"] = (await first.until("ended")).now - clicked;
  await first.exited;
  await heardBy(first, annas, "the caller understands the agent");
  await heardBy(first, bobs, "the caller understands the colleague");
  await anna.wrapUp();
  say("consulting, handing over and sending on reach phones in pages");

}

async function reads() {
  // Read while it is spoken. Where a sentence ends in the file is known; when the file was over, the caller's phone tells.
  const sentences = ["when are you open", "are you open on sunday", "opening hours", "when are you open", "are you open on sunday"];
  const ends = [];
  let talk = silence(0.5);
  for (const sentence of sentences) {
    const words = await spoken(sentence);
    const last = words.findLastIndex((sample) => Math.abs(sample) > 300);
    ends.push((talk.length + last) / 8);
    talk = [...talk, ...words, ...silence(3)];
  }
  const talks = wav("talk.wav", 8_000, talk);
  const reading = call(where.sip, "reading", ["--wait", "5000", "--over", "100", "--play", talks, "--wait", "15000", "--hangup-after", "100"]);
  await anna.pickUp();
  await anna.page.evaluate(() => {
    seen.read = [];
    const known = new Set();
    const look = () => {
      for (const line of document.querySelectorAll(".turn-caller .turn-text > span:first-child")) {
        const turn = line.closest(".turn");
        if (known.has(turn) || !line.textContent) continue;
        known.add(turn);
        seen.read.push({ text: line.textContent, at: performance.timeOrigin + performance.now() });
      }
    };
    look();
    seen.read = [];
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await reading.until("spoken");
  const spokenAt = reading.is("spoken").now;
  const shown = await until("the last words", async () => {
    const all = await anna.page.evaluate(() => seen.read);
    return all.length >= sentences.length ? all : null;
  }).catch(() => anna.page.evaluate(() => seen.read));
  const started = spokenAt - talk.length / 8;
  const behind = [];
  for (const [n, end] of ends.entries()) {
    const line = shown.find(({ at }) => at > started + end && at < started + (ends[n + 1] ?? end + 4000));
    say(`“${sentences[n]}” is read as “${line?.text ?? "nothing"}” ${line ? (line.at - started - end).toFixed(0) : "–"} ms after its last sound`);
    if (line) behind.push(line.at - started - end);
  }
  check(behind.length >= sentences.length - 1, `${behind.length} of ${sentences.length} sentences were read at the desk`);
  figures["the last sound of a sentence to its words at the desk"] = spread(behind);
  const middle = behind.toSorted((a, b) => a - b)[Math.floor(behind.length / 2)];
  check(middle <= BEHIND_MS_MAX, `the desk reads along, ${middle.toFixed(0)} ms behind (at most ${BEHIND_MS_MAX}; the machine's load is ${loadavg()[0].toFixed(1)} on ${cpus().length} processors)`);

  // Anna's tab dies; Bob is there, and the caller comes to him.
  await bob.goAvailable();
  const killed = Date.now();
  await Promise.race([anna.page.goto("chrome://crash").catch(() => {}), pause(1000)]);
  await bob.see("button", "Answer");
  figures["tab killed, a colleague's phone rings"] = Date.now() - killed;
  check(!reading.is("ended"), "the caller of the killed tab is still there");
  await bob.click("Answer");
  await bob.see(".card-phase-word", "In a call");
  await bob.shot("took-over");
  await bob.until("the caller's audio", async () => (await bob.report()).packets > 20);
  const hungUp = (await reading.until("hanging_up")).now;
  await bob.see(".wrapup", "");
  figures["caller hangs up, the desk shows the wrap-up"] = Date.now() - hungUp;
  await bob.click("Done, available");
  await bob.gone(".wrapup");
}
