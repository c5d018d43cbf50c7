// The screens that an agent sees seldom, asked the same as those of `pages.mjs`: a page whose sound the browser has not unlocked, call-backs and those
// that come to nothing, parked callers, three at a time, the way back to the flow, the last step against abuse, and the rest after hard calls.

import { createSocket } from "node:dgram";
import { failed, look, press, shut, sum } from "./looks.mjs";
import { silence, spoken, wav, wide } from "./sounds.mjs";
import { another, answers, call, check, end, gateway, open, until, users } from "./world.mjs";

const FLOW = `hotline: 1
name: northwind
languages: [en]
zone: UTC
record: off
person: { to: support }
targets: { support: { queue: support, back_to: [where, hours, complaint] } }
intents:
  parcel.where: { label: where a parcel is, go: where, examples: [where is my parcel, has my package arrived, track my parcel], slots: { number: { digits: 8 } } }
  hours: { label: opening hours, examples: [when are you open, what are your opening hours] }
  complaint: { label: a complaint, examples: [I want to complain, I have a complaint] }
nodes:
  welcome: { ask: "Welcome. This is an automatic system. How can I help you?", keys: { "1": where, "2": hours, "3": complaint } }
  where: { say: "A parcel takes two days in the city, and three to the countryside.", then: welcome }
  hours: { say: "We are open from nine to five, Monday to Saturday.", then: welcome }
  complaint: { say: "Complaints are looked at within two working days.", then: welcome }
`;

/** A line on which everybody is on the phone already. */
function engaged() {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { port, address }) => {
    const [first, ...lines] = bytes.toString().split("\r\n");
    if (!first.startsWith("INVITE")) return;
    const kept = lines.filter((line) => /^(via|v|from|f|call-id|i|cseq):/i.test(line));
    const to = lines.find((line) => /^(to|t):/i.test(line));
    socket.send(["SIP/2.0 486 Busy Here", ...kept, `${to};tag=busy`, "Content-Length: 0", "", ""].join("\r\n"), port, address);
  });
  return new Promise((done) => socket.bind(0, "127.0.0.1", () => done({ port: socket.address().port, close: () => socket.close() })));
}

const picks = answers("picks-up", ["--wait", "4000", "--dtmf", "1", "--wait", "90000"]);
const theirs = (await picks.until("listening")).detail;
const busy = await engaged();
const trunk = (name, at, allow) => `[[trunk]]\nname = "${name}"\nproxy = "${at}"\nallow = ["${allow}"]\nnumbers_in = ["49 -> +49"]\noptions_seconds = 0\n`;
const where = await gateway({
  flow: FLOW,
  agents: ["anna", "bob"],
  queues: ["support", "billing", "supervisor"],
  ring: 60,
  queue: `call_back = true\ncall_back_zone = "UTC"\ncall_back_hours = "00:00-24:00"\ncall_back_gap_seconds = 3600\ncall_back_trunks = ["carrier", "engaged"]\n`,
  more: `${trunk("carrier", theirs, "+49301*")}${trunk("engaged", `127.0.0.1:${busy.port}`, "+49302*")}`,
});
await users(where, [
  { name: "anna", display: "Anna Smith", role: "supervisor", agent: "anna" },
  { name: "bob", display: "李小明", role: "agent", agent: "bob" },
]);
const microphone = wav("anna.wav", 48_000, wide([...silence(1), ...(await spoken("nine to five")), ...silence(3)]));
/** Asks for a person and stays. */
const caller = (name, from, stays = "240000", last = []) => call(where.sip, name, ["--wait", stays, ...last], { from, before: ["--say", "where is my parcel", "--wait", "8000"] });
/** Asks for a person, and then to be called back. */
const later = (name, from) => call(where.sip, name, ["--wait", "8000", "--dtmf", "2", "--wait", "2000", "--dtmf", "1", "--wait", "30000"], { from, before: ["--wait", "2500"] });

const anna = await open({ microphone, locale: "en-GB" });
const { browser } = anna;
try {
  await anna.logIn(where.base);
  await anna.goAvailable();
  await anna.click("Break");
  await anna.see(".idle", "You are away");

  // Loaded anew: the browser lets the page make no sound until it is clicked. Meanwhile two people ask to be called back.
  const first = later("first", "4930111111");
  await anna.page.reload();
  await anna.see(".locked", "The ring tone is off");
  await look(anna, "sound-locked");
  await first.until("ended");
  const second = later("second", "4930222222");
  await second.until("ended");
  await anna.goAvailable();
  await anna.see(".chip", "Call-back to +4930111111");
  await look(anna, "call-back");
  await anna.pickUp();
  check(picks.is("answered"), "who is called back picks up");
  await look(anna, "call-back-talks", { sizes: false });
  await anna.hangUp();
  await anna.wrapUp();
  await anna.see(".chip", "Call-back to +4930222222");
  await anna.click("Answer");
  await anna.see(".idle", "was on the phone");
  await look(anna, "not-reached");

  // Back to the flow, parked, fetched, three at a time.
  const bob = await another(browser);
  await bob.logIn(where.base, "bob");
  const parked = caller("parked", "4930123456", "75000", ["--hangup-after", "100"]);
  await anna.pickUp();
  await press(anna, "n");
  await anna.see("[role=option]", "opening hours");
  await look(anna, "back-to-the-flow");
  await shut(anna);
  await bob.goAvailable();
  await anna.key("k");
  await anna.see(".panel", "Parked by anna");
  await bob.see(".panel", "Parked by anna");
  await look(anna, "parked-wrap-up", { sizes: false });
  await look(bob, "parked");
  await anna.wrapUp();
  await parked.until("ended");
  await bob.see(".panel", "has hung up");
  await look(bob, "parked-gone", { sizes: false });
  await bob.click("Break");
  await bob.see(".idle", "You are away");
  const third = caller("third", "4930123456");
  await anna.pickUp();
  await bob.goAvailable();
  await press(anna, "q");
  await anna.choose("bob");
  await bob.see("button", "Answer");
  await bob.click("Answer");
  await anna.see(".note", "The caller hears nothing of it");
  await anna.key("i");
  await anna.see(".note", "and the caller hear each other");
  await bob.see(".note", "and the caller hear each other");
  await look(anna, "three-way");
  await look(bob, "three-way-asked");
  await anna.key("g");
  await bob.see(".idle, .wrapup", "");
  if (await bob.page.locator(".wrapup").count()) await bob.wrapUp();
  await bob.click("Go offline");
  await bob.see(".idle", "You are offline");

  // Against abuse; after some of it, a rest.
  await ends(third, true);
  for (let n = 1; n < 4 && !(await anna.page.locator(".presence-now", { hasText: "Rest" }).count()); n += 1) {
    const next = caller(`abusive${n}`, `493012345${n}`);
    await until("a call or a rest", () => anna.page.locator(".card-rings, .presence-now:has-text('Rest')").count());
    await anna.pickUp();
    await ends(next, false);
  }
  await anna.see(".presence-now", "Rest");
  await anna.see(".idle", "A short rest after hard calls");
  await look(anna, "rest");
  sum();
} catch (error) {
  await failed(browser);
  throw error;
} finally {
  await browser.close().catch(() => {});
  busy.close();
  end();
}

async function ends(calling, looks) {
  await press(anna, "a");
  await anna.click("3. End the call");
  await anna.see("[role=dialog]", "End the call now?");
  if (looks) await look(anna, "abuse-sure");
  await anna.click("Yes, end the call");
  await calling.until("ended");
  await anna.see(".wrapup", "");
  if (looks) await look(anna, "wrap-up-abuse", { sizes: false });
  await anna.wrapUp();
}
