// What every page test stands on: a browser that is closed whatever happens, people who use it, and
// a watch over all that they see. A run fails on a breach of the Content-Security-Policy, on an
// error in the console or a script, on a request to another origin, on a server error, and on
// a script, style or image that does not load.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");

/** The longest that one script may take, in milliseconds: the machine may build beside it. */
const DEADLINE = 270_000;

/** How long one step waits for what it waits for. What is slow is no fault that these tests look for. */
const PATIENCE = 60_000;

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
/** The narrowest that has to work, by WCAG 2.2, 1.4.10. */
export const NARROW = { width: 320, height: 640 };

/**
 * Runs `story` with a browser, `told` what the test says on the first line of standard input. What
 * the story returns is the test's to read, on standard output; talk goes to standard error.
 */
export async function run(story) {
  let browser;
  const deadline = setTimeout(() => end("the script's time is up"), DEADLINE);
  const lines = createInterface({ input: process.stdin });
  const told = JSON.parse(await new Promise((heard) => lines.once("line", heard)));
  // The test is gone, or it has lost its patience.
  lines.once("close", () => end("nobody waits for this script any more"));

  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    // As root Chromium starts only without it; what it is shown here is our own.
    chromiumSandbox: process.getuid() !== 0,
    timeout: PATIENCE,
  });
  const visit = new Visit(browser, told);
  let outcome;
  try {
    outcome = await story(visit, told);
  } catch (error) {
    const pages = visit.people.flatMap((person) => person.pages());
    // Not the fragment: it may be a token.
    const urls = pages.map((page) => page.url().split("#")[0]);
    console.error(`at ${urls.join(", ")}`, ...visit.faults.map((fault) => `\n${fault}`));
    throw error;
  } finally {
    await browser.close();
  }
  if (visit.faults.length > 0) throw new Error(visit.faults.join("\n"));
  clearTimeout(deadline);
  process.stdout.write(JSON.stringify({ planted: visit.planted, outcome: outcome ?? null }));
  process.exit(0);

  async function end(why) {
    console.error(why);
    setTimeout(() => process.exit(1), 5_000);
    await browser?.close();
    process.exit(1);
  }
}

/** The people of one script, and what went wrong before their eyes. */
export class Visit {
  /** `others` are origins that its pages may load from, beside their own. */
  constructor(browser, { origin, others = [] }) {
    this.browser = browser;
    this.origin = origin;
    this.others = others;
    this.people = [];
    this.faults = [];
    this.planted = [];
  }

  /**
   * The page of a new person, whose browser knows nothing yet. `scripts: false` turns JavaScript
   * off; everything else is Playwright's `newContext`.
   */
  async person({ scripts = true, ...options } = {}) {
    const context = await this.browser.newContext({
      baseURL: this.origin,
      javaScriptEnabled: scripts,
      viewport: DESKTOP,
      locale: "en-GB",
      timezoneId: "UTC",
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    this.people.push(context);
    await this.watch(context);
    return context.newPage();
  }

  /** Notes a secret that a page showed, so that it is searched for afterwards. */
  plant(kind, value) {
    this.planted.push([kind, value]);
    return value;
  }

  /** Forgets the faults that fit, which the script provoked; there must be one. */
  expect(pattern) {
    const others = this.faults.filter((fault) => !pattern.test(fault));
    if (others.length === this.faults.length) throw new Error(`no fault was like ${pattern}`);
    this.faults = others;
  }

  async watch(context) {
    const fault = (kind, text) => this.faults.push(`${kind}: ${text}`);
    await context.exposeBinding("keysteadBreach", (_, text) => fault("policy breach", text));
    await context.addInitScript(() => {
      const report = globalThis.keysteadBreach;
      addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sample }) =>
        report(`${effectiveDirective} ${blockedURI} ${sample} on ${location.pathname}`), true);
    });
    context.on("console", (message) => {
      // A status is judged where it comes in, below.
      const isStatus = message.text().startsWith("Failed to load resource: the server responded");
      if (message.type() === "error" && !isStatus) fault("console error", message.text());
    });
    context.on("weberror", (thrown) => fault("script error", thrown.error().message));
    context.on("dialog", (dialog) => {
      fault("dialog", dialog.message());
      return dialog.dismiss();
    });
    context.on("request", (request) => {
      const url = new URL(request.url());
      const known = [this.origin, ...this.others].includes(url.origin);
      const leaves = /^(https?|wss?):$/.test(url.protocol) && !known;
      if (leaves) fault("foreign request", request.url());
    });
    context.on("response", (response) => {
      const [status, type] = [response.status(), response.request().resourceType()];
      // Pages may say no, and what scripts fetch is theirs to judge; the parts of a page are there.
      const isPart = !["document", "fetch", "xhr", "eventsource"].includes(type);
      if (status >= 500 || (status >= 400 && isPart)) fault(`status ${status}`, response.url());
    });
  }
}

/**
 * Waits until a field holds what fits: some pages draw what a click changed a moment after it.
 * Looks from outside, since a strict page lets nothing be evaluated again and again in it.
 */
export async function holds(field, pattern) {
  const ends = Date.now() + PATIENCE;
  for (;;) {
    const value = await field.inputValue();
    if (pattern.test(value)) return;
    if (Date.now() > ends) throw new Error(`the field never held what fits ${pattern}, but ${value.length} characters`);
    await new Promise((over) => setTimeout(over, 50));
  }
}

/** A device's own passkey store, which confirms at once. It belongs to one page of a person. */
export async function authenticator(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      hasPrf: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () =>
      (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
    /** Takes every passkey away; what `give` gives back. */
    forget: () => cdp.send("WebAuthn.clearCredentials", { authenticatorId }),
    give: (credential) => cdp.send("WebAuthn.addCredential", { authenticatorId, credential }),
  };
}

/** The file of a package that is meant for browsers. */
export const source = (name) => readFileSync(require.resolve(name), "utf8");
