// What agents do with a caller in the page, by key and by click, and who hears whom at each step: three at a time, left to a colleague, parked and
// fetched, sent to another queue, back to the flow, and the steps against abuse. Everybody has a tone of their own, in bursts of their own length, so
// that each stands alone at times. `world.mjs` tells which variables count.

import { heard, made, secondsOf, stretches, tone } from "./sounds.mjs";
import { call, check, end, gateway, open, say, until, users } from "./world.mjs";

const FLOW = `hotline: 1
name: line
languages: [en]
zone: UTC
record: off
person: { to: support }
targets: { support: { queue: support, back_to: [hours, good_bye] } }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }
  good_bye: { examples: [thank you good bye, that was all], label: the end }
nodes:
  welcome: { ask: "This is automatic. What is it about?", keys: { "1": hours, "2": good_bye } }
  hours: { say: "From nine to five.", then: welcome }
  good_bye: { hang_up: "Thank you. Good-bye." }
`;
const [CALLER, ANNA, BOB] = [500, 1000, 1500];
const bursts = (hertz, every) => (at) => (at % every < 0.3 ? tone(hertz)(at) : 0);
const endless = made("caller.wav", 8_000, 140, bursts(CALLER, 0.7));
const calls = (name) => call(where.sip, name, ["--over", "100", "--play", endless, "--wait", "60000"]);

/** This comes to an ear, a second of each tone at least, and nothing of the other tones. */
async function hears(face, tones, what) {
  const sound = { rate: 8000, samples: [] };
  await face.page.evaluate(() => keep(true));
  await until(what, async () => {
    sound.samples = [...sound.samples, ...(await face.page.evaluate(() => keep(true))).samples];
    return tones.every((hertz) => secondsOf(sound, hertz) >= 1);
  });
  const others = [CALLER, ANNA, BOB].filter((hertz) => !tones.includes(hertz) && secondsOf(sound, hertz) > 0.1);
  check(others.length === 0, `${what}${others.length ? `, but ${others} Hz are heard, too` : ""}`);
}

/** How long two tones are heard at the same time, between each other's bursts. */
function both(path, one, other) {
  const [left, right] = [stretches(path, one), stretches(path, other)];
  return left.flatMap(([a, b]) => right.map(([c, d]) => Math.min(b, d) - Math.max(a, c))).reduce((sum, length) => sum + Math.max(length, 0), 0);
}

async function picksUp(face) {
  await face.see("button", "Answer");
  await face.key("y");
  await face.see(".card-phase-word", "In a call");
}
async function done(face) {
  await face.see(".wrapup", "");
  await face.key("f");
  await face.gone(".wrapup");
}
/** A key, and the dialog that it opens. */
async function opens(face, key, title) {
  await face.key(key);
  await face.see("[role=dialog]", title);
  await until("the focus in the dialog", () => face.page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null));
}

// ---- What is shown -----------------------------------------------------------------------------------------------------------------------------

const where = await gateway({ flow: FLOW, agents: ["anna", "bob"], queues: ["support", "billing", "supervisor"] });
await users(where, [
  { name: "anna", display: "Anna Smith", role: "supervisor", agent: "anna" },
  { name: "bob", display: "Bob Jones", role: "agent", agent: "bob" },
]);
const anna = await open({ microphone: made("anna.wav", 48_000, 10, bursts(ANNA, 0.5)) });
const bob = await open({ microphone: made("bob.wav", 48_000, 12, bursts(BOB, 0.6)) });
try {
  await anna.logIn(where.base);
  await bob.logIn(where.base, "bob");
  await anna.goAvailable();
  await together();
  await backToTheFlow();
  await abused();
} catch (error) {
  await anna.shot("failed-anna").catch(() => {});
  await bob.shot("failed-bob").catch(() => {});
  throw error;
} finally {
  await anna.browser.close().catch(() => {});
  await bob.browser.close().catch(() => {});
  end();
}

async function together() {
  const calling = calls("together");
  await picksUp(anna);
  await hears(anna, [CALLER], "the agent hears the caller");
  await bob.goAvailable();
  await opens(anna, "q", "Ask a colleague");
  await anna.page.keyboard.type("bob");
  await anna.see("[role=option][aria-selected=true]", "bob");
  await anna.key("Enter");
  await bob.see("button", "Answer");
  await bob.key("y");
  await anna.see(".note", "The caller hears nothing of it");
  await hears(bob, [ANNA], "who is asked hears the agent, and not the caller");
  await hears(anna, [BOB], "the agent hears who is asked, and not the caller");
  await anna.key("i");
  await anna.see(".note", "and the caller hear each other");
  await bob.see(".note", "and the caller hear each other");
  await hears(anna, [CALLER, BOB], "three at a time: the agent hears both others");
  await hears(bob, [CALLER, ANNA], "three at a time: who was asked hears both others");
  await anna.shot("three-way");
  await anna.key("j");
  await bob.see(".card-phase-word", "In a call");
  await hears(bob, [CALLER], "left to the colleague: only the caller is heard");
  await done(anna);

  await bob.key("k");
  await anna.see(".panel", "Parked by bob");
  await done(bob);
  await anna.shot("parked");
  await anna.key("u");
  await anna.see(".card-phase-word", "In a call");
  await hears(anna, [CALLER], "parked by one, fetched by the other, with one key each");

  await anna.click("Transfer");
  await anna.see("[role=option]", "billing");
  await anna.choose("billing");
  await bob.see(".card-queue", "billing");
  await bob.click("Answer");
  await bob.see(".card-phase-word", "In a call");
  await hears(bob, [CALLER], "sent to another queue by a click: whoever serves it hears the caller");
  await done(anna);
  check(!calling.is("ended"), "the caller was never left");
  await opens(bob, "x", "Hang up?");
  await bob.key("Enter");
  await calling.until("ended");
  await calling.exited;
  await done(bob);
  const [annas, bobs, threes] = [heard(calling.record, ANNA), heard(calling.record, BOB), both(calling.record, ANNA, BOB)];
  check(annas > 1 && bobs > 1 && threes > 2, `the caller heard the agent for ${annas.toFixed(1)} s, the colleague for ${bobs.toFixed(1)} s, and both together for ${threes.toFixed(1)} s`);
}

async function backToTheFlow() {
  await bob.key("0");
  await bob.see(".presence", "Offline");
  const calling = calls("back");
  await picksUp(anna);
  await hears(anna, [CALLER], "the next caller is heard");
  await opens(anna, "n", "Send the caller back to the flow");
  await anna.key("ArrowDown");
  await anna.see("[role=option][aria-selected=true]", "the end");
  check(!calling.is("ended"), "the caller is there until Enter is pressed");
  await anna.key("Enter");
  await anna.see(".notice", "The caller goes on at the end");
  await calling.until("ended");
  check(calling.is("ended").disposition === "far_hung_up", "the caller was sent back to a node by arrow and Enter, and went on there");
  await calling.exited;
  await done(anna);
}

async function abused() {
  await bob.goAvailable();
  await bob.key("2");
  await bob.see(".presence", "Away");
  const calling = calls("abuse");
  await picksUp(anna);
  await opens(anna, "a", "Abusive caller");
  await anna.key("Enter");
  await anna.see(".notice", "The caller is being warned");
  await anna.gone("[role=dialog]");
  await bob.goAvailable();
  await opens(anna, "a", "done");
  await anna.key("Enter");
  await anna.see(".notice", "The caller goes to a supervisor");
  await bob.see(".card-queue", "supervisor");
  await picksUp(bob);
  await done(anna);
  await hears(bob, [CALLER], "warned and sent to a supervisor by key: the supervisor hears the caller");
  await opens(bob, "a", "Abusive caller");
  await bob.click("3. End the call");
  await bob.see("[role=dialog]", "End the call now?");
  check(!calling.is("ended") && (await bob.report()).level !== undefined, "the end of the call is asked about once more");
  await bob.key("Enter");
  await bob.see(".notice", "The call is ended");
  await calling.until("ended");
  check(calling.is("ended").disposition === "far_hung_up", "the third step ends the call");
  await calling.exited;
  await done(bob);
  say("clicks and keys do at the desk what they say");
}
