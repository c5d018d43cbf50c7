// What is asked of a screen of the console: in both languages, light and dark, it breaks no rule of WCAG 2.1 AA that axe can see, and nothing sticks out
// of a narrow window. `pages.mjs` and `seldom.mjs` bring the screens about. ONLY is a pattern: other screens are passed by.

import { readFileSync } from "node:fs";
import { check, pause, require, say } from "./world.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const LANGUAGES = ["en", "zh"];
const USUAL = { width: 1360, height: 860 };
const OTHERS = [
  { name: "720p", width: 1280, height: 720 },
  { name: "narrow", width: 390, height: 844 },
];
/** Mantine's dialogs and menus take this long to be there wholly. */
const SETTLED_MS = 350;

const ONLY = new RegExp(process.env.ONLY ?? "");
const found = [];
let screens = 0;

async function inspect(page, where) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), TAGS);
  for (const { id, help, nodes } of violations) {
    for (const node of nodes.slice(0, 3)) found.push(`${where}: ${id} (${help}): ${node.html.slice(0, 200)} ${node.any[0]?.message ?? node.all[0]?.message ?? ""}`);
  }
}

/** All that is asked of a screen, in each language and each of its looks. */
export async function look(face, name, { dark = true, sizes = true } = {}) {
  if (!ONLY.test(name)) return;
  const { page } = face;
  for (const [at, language] of LANGUAGES.entries()) {
    // By its own script, as a dialog may lie over the switch.
    await page.evaluate((n) => document.querySelectorAll(".languages button")[n].click(), at);
    await page.waitForFunction((lang) => document.documentElement.lang.startsWith(lang), language);
    // Colours are the same in both languages.
    for (const scheme of dark && language === "en" ? ["light", "dark"] : ["light"]) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await pause(SETTLED_MS);
      await inspect(page, `${name}, ${language}, ${scheme}`);
      await face.shot(`${name}-${language}-${scheme}`);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    for (const { name: size, ...viewport } of sizes ? OTHERS : []) {
      await page.setViewportSize(viewport);
      await pause(SETTLED_MS);
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (beyond > 0) found.push(`${name}, ${language}, ${size}: ${beyond} pixels stick out at the side`);
      if (size === "narrow" && language === "en") await inspect(page, `${name}, ${language}, ${size}`);
      await face.shot(`${name}-${language}-${size}`);
    }
    await page.setViewportSize(USUAL);
  }
  await page.evaluate(() => document.querySelectorAll(".languages button")[0].click());
  await page.waitForFunction(() => document.documentElement.lang === "en");
  screens += 1;
  say(`${name}: seen`);
}

/** A key as an agent presses it, and what it opens. */
export async function press(face, key, opens = "[role=dialog]") {
  await face.page.locator("body").press(key);
  await face.see(opens, "");
}
export async function shut(face) {
  await face.page.keyboard.press("Escape");
  await face.gone("[role=dialog]");
}

/** What was found on all screens is told, and fails. */
export function sum() {
  for (const line of found) say(line);
  check(found.length === 0, `${screens} screens in two languages, light and dark: axe finds nothing against WCAG 2.1 AA, nothing sticks out${found.length ? `, except the ${found.length} above` : ""}`);
}

/** What was found until now, and a picture of each page as it is. */
export async function failed(browser) {
  for (const line of found) say(line);
  const pages = process.env.SHOTS ? browser.contexts().flatMap((context) => context.pages()) : [];
  for (const [n, page] of pages.entries()) await page.screenshot({ path: `${process.env.SHOTS}/failed-${n}.png` }).catch(() => {});
}
