// Every screen of the console in a real Chromium, brought about by real calls to a real gateway; those that come seldom are in `seldom.mjs`, what is asked
// of a screen in `looks.mjs`. With SHOTS there is a picture of each, to be looked at by people. `world.mjs` tells which variables count; axe-core is
// looked for where this is run.

import { failed, look, press, shut, sum } from "./looks.mjs";
import { silence, spoken, wav, wide } from "./sounds.mjs";
import { PASSWORD, another, call, check, end, gateway, open, pause, until, users } from "./world.mjs";

const FLOW = `hotline: 1
name: northwind
languages: [en]
zone: UTC
record: announce
person: { to: support }
targets: { support: { queue: support } }
slots:
  number: { digits: 8 }
intents:
  parcel.where:
    label: where a parcel is
    go: where
    examples: [where is my parcel, has my package arrived, track my parcel, when does my parcel come, I am waiting for a parcel]
    slots: { number: { digits: 8 } }
  hours: { label: opening hours, examples: [when are you open, what are your opening hours, are you open on sunday, until when can I come] }
  complaint: { label: a complaint, examples: [I want to complain, I have a complaint, this is about a complaint] }
nodes:
  welcome: { ask: "Welcome. This is an automatic system. How can I help you?", keys: { "1": where, "2": hours, "3": complaint } }
  where: { say: "A parcel takes two days in the city, and three to the countryside.", then: welcome }
  hours: { say: "We are open from nine to five, Monday to Saturday.", then: welcome }
  complaint: { say: "Complaints are looked at within two working days.", then: welcome }
`;

// ---- What is shown -----------------------------------------------------------------------------------------------------------------------------

const where = await gateway({ flow: FLOW, agents: ["anna", "bob"], queues: ["support", "billing"], more: "transcript = true\n", ring: 60 });
const microphone = wav("anna.wav", 48_000, wide([...silence(1), ...(await spoken("nine to five")), ...silence(3)]));
const asks = [...(await spoken("when are you open")), ...silence(4), ...(await spoken("are you open on sunday")), ...silence(5)];
const talk = wav("talk.wav", 8_000, Array.from({ length: 20 }, () => asks).flat());
/** Asks, is answered, wants to complain, asks for a person, and talks on. */
const caller = (name, from = "4930123456") =>
  call(where.sip, name, ["--play", talk, "--wait", "240000"], { from, before: ["--say", "where is my parcel", "--wait", "10000", "--dtmf", "3", "--wait", "7000"] });
const root = await open({ microphone, locale: "en-GB" });
const { browser } = root;
try {
  // Before anybody is logged in.
  await root.page.goto(where.base);
  await root.see("h1", "Set up this gateway");
  await look(root, "set-up-without-token");
  await root.page.goto("about:blank");
  await root.page.goto(where.setup);
  await root.see("[role=alert]", "was taken from the address");
  await look(root, "set-up");
  await root.fill("Login name", "root");
  await root.fill("Password", "correct horse battery");
  await root.fill("Password again", "correct horse batterz");
  await root.see("p", "The two passwords differ");
  await look(root, "set-up-differs", { sizes: false });
  await root.fill("Password again", "correct horse battery");
  await root.click("Create administrator");
  await root.see("h2", "Queues");
  await users({ ...where, token: null }, [
    { name: "anna", display: "Anna Smith", role: "supervisor", agent: "anna" },
    { name: "bob", display: "李小明", role: "agent", agent: "bob", language: "zh" },
    { name: "carla", display: "Carla Verylongname-Withahyphen", role: "operator" },
  ]);

  // The administrator's pages.
  await root.page.evaluate(() => (location.hash = "#/desk"));
  await root.see("h1", "has no desk");
  await look(root, "no-desk", { sizes: false });
  await root.page.evaluate(() => (location.hash = "#/users"));
  await root.see("td", "carla");
  await look(root, "users");
  await root.page.getByRole("button", { name: "Change Carla Verylongname-Withahyphen" }).click();
  await root.see("[role=menu]", "");
  await look(root, "users-menu", { sizes: false });
  await root.page.getByRole("menuitem", { name: "Edit" }).click();
  await root.see("[role=dialog]", "Edit Carla");
  await look(root, "users-edit");
  await shut(root);
  await root.page.getByRole("button", { name: "Change Carla Verylongname-Withahyphen" }).click();
  await root.page.getByRole("menuitem", { name: "New password" }).click();
  await root.see("[role=dialog]", "New password for");
  await look(root, "users-password", { sizes: false });
  await shut(root);
  await root.page.getByRole("button", { name: "Change Carla Verylongname-Withahyphen" }).click();
  await root.page.getByRole("menuitem", { name: "Delete" }).click();
  await root.see("[role=alertdialog], [role=dialog]", "Delete Carla");
  await look(root, "users-delete", { sizes: false });
  await shut(root);
  await root.click("Add user");
  await root.see("[role=dialog]", "Add user");
  await look(root, "users-add");
  await shut(root);
  await root.page.locator("button.account").click();
  await root.see("[role=menu]", "Log out");
  await look(root, "account-menu", { sizes: false });
  await root.page.getByRole("menuitem", { name: "Change password" }).click();
  await root.see("[role=dialog]", "Present password");
  await look(root, "own-password", { sizes: false });
  await shut(root);

  // Log-in, right and wrong.
  const anna = await another(browser);
  await anna.page.goto(where.base);
  await anna.see("h1", "Log in");
  await look(anna, "log-in");
  await anna.fill("Login name", "anna");
  await anna.fill("Password", "wrong");
  await anna.click("Log in");
  await anna.see("[role=alert]", "is wrong");
  await look(anna, "log-in-wrong", { sizes: false });
  await anna.fill("Password", PASSWORD);
  await anna.click("Log in");
  await anna.see(".idle", "You are offline");
  await look(anna, "desk-offline");
  await anna.goAvailable();
  await anna.see(".phone", "The microphone works");
  await look(anna, "desk-waiting");
  await press(anna, "?");
  await look(anna, "keys");
  await shut(anna);

  // A call, from its ringing to the wrap-up; a second one from the same number waits meanwhile.
  const first = caller("first");
  await anna.see("button", "Answer");
  await look(anna, "offer");
  await anna.click("Answer");
  await anna.see(".card-phase-word", "In a call");
  await anna.see(".turn-caller", "open");
  await anna.see(".draft blockquote", "");
  await look(anna, "call");
  await press(anna, "t");
  await look(anna, "transfer");
  await anna.page.keyboard.type("xyz");
  await anna.see("[role=dialog] .note", "Nothing fits");
  await look(anna, "transfer-nothing", { sizes: false });
  await shut(anna);
  await press(anna, "w");
  await look(anna, "robot-wrong");
  await anna.click("Send to the trainers");
  await anna.see("[role=alert]", "Choose what the caller wanted");
  await look(anna, "robot-wrong-empty", { sizes: false });
  await shut(anna);
  await press(anna, "a");
  await look(anna, "abuse", { sizes: false });
  await shut(anna);
  await press(anna, "x");
  await look(anna, "hang-up", { sizes: false });
  await shut(anna);
  await anna.click("Keypad");
  await anna.click("Mute");
  await anna.see("button", "Microphone on");
  await look(anna, "keypad-muted", { sizes: false });
  await anna.click("Microphone on");
  await anna.click("Keypad");
  await anna.click("Edit");
  await anna.see("textarea", "");
  await look(anna, "draft-edited", { sizes: false });
  await anna.page.getByRole("button", { name: "Cancel" }).click();
  await anna.page.locator("body").press("p");
  await pause(500);
  await anna.click("Hold");
  await anna.see(".card-phase-word", "On hold");
  await look(anna, "hold", { sizes: false });
  await anna.click("Back to the caller");
  await anna.see(".card-phase-word", "In a call");

  // A colleague is asked.
  const bob = await another(browser);
  await bob.logIn(where.base, "bob");
  await bob.page.evaluate(() => document.querySelectorAll(".languages button")[0].click());
  await bob.page.evaluate(() => (location.hash = "#/users"));
  await bob.see("h1", "not for your role");
  await look(bob, "not-yours", { sizes: false });
  await bob.page.evaluate(() => (location.hash = "#/desk"));
  await bob.goAvailable();
  await press(anna, "q");
  await anna.see("[role=option]", "bob");
  await look(anna, "consult-whom", { sizes: false });
  await anna.page.getByRole("option", { name: /bob/ }).click();
  await anna.see(".note", "is being rung");
  await bob.see(".card-phase-word", "A colleague asks you");
  await bob.see("button", "Answer");
  await look(anna, "consult-rings", { sizes: false });
  await look(bob, "consult-asked");
  await bob.click("Answer");
  await anna.see(".note", "You talk with");
  await look(anna, "consult-talks", { sizes: false });
  await look(bob, "consult-asked-talks", { sizes: false });
  await anna.click("Back to the caller");
  await anna.see(".card-phase-word", "In a call");
  await bob.see(".idle, .wrapup", "");
  await look(bob, "consult-over", { sizes: false });
  if (await bob.page.locator(".wrapup").count()) await bob.wrapUp();
  await bob.click("Lunch");
  await bob.see(".idle", "You are away");
  await look(bob, "desk-away", { sizes: false });

  // The wall, with somebody waiting.
  const second = caller("second", "4930999999");
  await anna.page.evaluate(() => (location.hash = "#/wall"));
  await until("somebody who waits", () => anna.page.getByRole("cell", { name: "asked for a person" }).count(), 60);
  await look(anna, "wall");
  await anna.page.getByRole("button", { name: /^Change the state of bob/ }).click();
  await anna.page.getByRole("menuitem", { name: "Make offline" }).click();
  await anna.see("[role=alertdialog], [role=dialog]", "Make bob offline");
  await look(anna, "wall-offline", { sizes: false });
  await shut(anna);
  await anna.page.evaluate(() => (location.hash = "#/desk"));

  // Over: the wrap-up, then the other caller.
  await anna.hangUp();
  await anna.see(".wrapup", "");
  await until("the summary", () => anna.page.getByLabel("Summary").inputValue());
  await look(anna, "wrap-up");
  await first.exited;
  await anna.wrapUp();
  await anna.pickUp();
  await anna.hangUp();
  await second.exited;
  await anna.wrapUp();
  // Somebody who has called before.
  caller("third");
  await anna.pickUp();
  await anna.see(".history li", "");
  await look(anna, "call-again", { sizes: false });
  await anna.hangUp();
  await anna.wrapUp();

  await root.page.evaluate(() => (location.hash = "#/audit"));
  await root.see("td", "Logged in");
  check((await root.page.getByRole("cell", { name: "Listened to a recording" }).count()) > 0, "the audit tells who listened to a recording");
  await look(root, "audit");
  await root.page.getByLabel("Show").selectOption("users");
  await until("users only", async () => !(await root.page.getByRole("cell", { name: "Logged in" }).count()));
  await look(root, "audit-users", { sizes: false });

  // A microphone that is refused, one that is missing, and a gateway that is gone.
  await bob.page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"))));
  await bob.click("Go available");
  await bob.see(".locked", "may not use the microphone");
  await look(bob, "microphone-refused");
  check(await bob.page.locator(".presence-now", { hasText: "Away" }).count(), "without a microphone nobody is available");
  where.stop();
  await anna.see(".lost", "You are not reachable");
  await look(anna, "lost");

  sum();
} catch (error) {
  await failed(browser);
  throw error;
} finally {
  await browser.close().catch(() => {});
  end();
}
