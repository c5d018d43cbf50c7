// One real call, from the login to the end of the wrap-up, in a real browser against a real gateway. Run by hand or by the gateway's own tests:
//
//   HOTLINE_CONSOLE_URL       where the gateway serves the page
//   HOTLINE_CONSOLE_USER      a user with an agent (default "agent"); HOTLINE_CONSOLE_PASSWORD its password
//   HOTLINE_CONSOLE_CALL      a command that makes a call which asks for a person (it is run by the shell); without it, somebody calls by hand
//   CHROMIUM                  the browser (default /usr/bin/chromium)
//
// The agent's phone has to answer by itself, as the tests' phones do. playwright-core is not a dependency of the page: it is looked for where
// it is run (`npm install --no-save playwright-core@1.65.1`).

import { spawn } from "node:child_process";

const { HOTLINE_CONSOLE_URL: url, HOTLINE_CONSOLE_USER: name = "agent", HOTLINE_CONSOLE_PASSWORD: password = "" } = process.env;
const PATIENCE_MS = 60_000;

if (!url) {
  console.log("console: no HOTLINE_CONSOLE_URL, the test of a real call is skipped");
  process.exit(0);
}
const { chromium } = await import("playwright-core").catch(() => {
  console.error("console: playwright-core is missing; run npm install --no-save playwright-core@1.65.1");
  process.exit(2);
});

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let caller;
try {
  const page = await browser.newPage({ locale: "en-GB" });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  await page.getByLabel("Login name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await step("logged in", page.locator(".desk"));

  await page.getByRole("button", { name: "Go available" }).first().click();
  await step("available", page.getByRole("heading", { name: "Waiting for a call" }));

  if (process.env.HOTLINE_CONSOLE_CALL) caller = spawn(process.env.HOTLINE_CONSOLE_CALL, { shell: true, stdio: "inherit" });
  await step("the card is there", page.locator(".card"));
  const want = await page.locator("#card-want").innerText();
  const because = await page.locator(".card-because").innerText();
  if (!want.trim() || !because.trim()) throw new Error(`the card does not say what they want ("${want}") or why ("${because}")`);
  await step("in a call", page.locator(".card-phase-word", { hasText: "In a call" }));

  await page.keyboard.press("x");
  await page.getByRole("button", { name: "Hang up" }).last().click();
  await step("wrap-up", page.locator(".wrapup"));
  await page.getByRole("textbox", { name: "Summary" }).fill("The caller was helped.");
  await page.getByText("Saved", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Done, available" }).click();
  await step("done", page.locator(".wrapup"), "detached");
  console.log(`console: a call about "${want}" was taken and wrapped up`);
} finally {
  caller?.kill();
  await browser.close();
}

async function step(what, locator, state = "visible") {
  await locator.first().waitFor({ state });
  console.log(`console: ${what}`);
}
