// Every state of the AddOn: people can use it in light and dark, in a narrow window, from right to left; and
// its picture is taken, where pictures are wanted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { gateway } from "../../../../../widget/test/stand_in.mjs";
import { WAYS, wrongs } from "../access.mjs";
import { run } from "../browser.mjs";
import { addon, host, integrityOf, until, visitors } from "./scene.mjs";

const LETTER = "Dear Ada,\n\nthank you for your letter. Friday at ten suits us well: we will keep the table by the window for you.\n\nYours,\nthe Letterbox team";
const PROMPT = "Write a friendly answer to Ada: yes, Friday at ten.";
const LIMITS = [{ scope: "user", what: "tokens", limit: 50_000, remaining: 31_250, reset_s: 30_000 }];

const WORDS = {
  en: { prompt: PROMPT, answer: LETTER },
  ar: { prompt: "اكتب ردًا لطيفًا على آدا: نعم، الجمعة في العاشرة.", answer: "عزيزتي آدا،\n\nشكرًا على رسالتك. يوم الجمعة في الساعة 10:00 مناسب لنا.\n\nمع التحية،\nفريق Letterbox" },
  de: { prompt: "Antworte Ada freundlich: ja, Freitag um zehn.", answer: "Liebe Ada,\n\nvielen Dank für Ihren Brief. Freitag um zehn passt uns gut.\n\nHerzlich\nIhr Letterbox-Team" },
};

const text = (run, about = { limits: LIMITS }) => ({ type: "text", run, about });
const refuses = (status, error) => text((_, answer) => answer.refuse(status, error));

/** Name by name: the AddOn, what is done with it, and the state it comes to. */
const states = (picture) => ({
  idle: { ...text(), does: "nothing", state: "idle", more: 'data-suggestions="Thank for the letter|Suggest another day|Make it more formal"' },
  waiting: { ...text(() => undefined), state: "waiting" },
  "still-working": { ...text(() => undefined), state: "waiting", later: 5_500 },
  streaming: { ...text((_, answer) => answer.delta(LETTER.slice(0, 90))), state: "streaming" },
  stopped: { ...text((_, answer) => answer.delta(LETTER.slice(0, 90))), state: "streaming", stops: "stopped" },
  done: { ...text((_, answer) => answer.delta(LETTER).done()), state: "done", more: "apply" },
  "cut-short": { ...text((_, answer) => answer.delta(LETTER.slice(0, 90)).done({ finish_reason: "length" })), state: "done" },
  "broke-off": { ...text((_, answer) => { answer.delta(LETTER.slice(0, 90)); setTimeout(() => answer.cut(), 200); }), state: "broke-off", fault: /ERR_INCOMPLETE|ERR_CONNECTION|ERR_EMPTY/ },
  "rate-limited": { ...refuses(429, { code: "rate_limited", retryable: true, retry_after: 42 }), state: "rate-limited" },
  "budget-out": { ...refuses(429, { code: "budget_exhausted", retryable: false, retry_after: 30_000 }), state: "budget-out" },
  "provider-down": { ...refuses(502, { code: "provider_unreachable", retryable: true }), state: "provider-down", fault: /^status 502/ },
  "session-expired": { ...text(), does: "token-lost", state: "session-expired" },
  "not-connected": { ...refuses(403, { code: "user_key_missing", retryable: false }), state: "not-connected" },
  "key-invalid": { ...refuses(401, { code: "key_rejected", retryable: false }), state: "key-invalid" },
  "own-key-refused": { ...refuses(401, { code: "user_key_refused", retryable: false }), state: "key-invalid" },
  "free-tier-used": { ...refuses(429, { code: "free_tier_used", retryable: false, retry_after: 30_000 }), state: "budget-out" },
  unavailable: { ...refuses(403, { code: "addon_disabled", retryable: false }), state: "unavailable" },
  refused: { ...refuses(400, { code: "content_refused", retryable: false }), state: "refused" },
  failed: { ...refuses(500, { code: "internal", retryable: false }), state: "failed", fault: /^status 500/ },
  offline: { ...text(), does: "offline", state: "offline", fault: /ERR_INTERNET_DISCONNECTED/ },
  "origin-not-allowed": { ...text(), does: "unlisted", state: "origin-not-allowed", fault: /CORS|ERR_FAILED/ },
  translation: { type: "translation", run: (_, answer) => answer.delta("Guten Morgen, und danke für Ihren Brief.").done(), prompt: "Good morning, and thank you for your letter.", state: "done" },
  image: { type: "image", run: (_, answer) => { answer.image("image/png", picture); answer.done(); }, prompt: "A letterbox by the sea, in watercolour", state: "done", more: "apply" },
  "alt-text": { type: "alt-text", run: (_, answer) => answer.delta("A green letterbox on a cliff above a calm sea.").done(), does: "picture", state: "done", more: "apply" },
  arabic: { ...text((_, answer) => answer.delta(WORDS.ar.answer).done()), state: "done", lang: "ar", more: "apply" },
  "arabic-limit": { ...refuses(429, { code: "rate_limited", retryable: true, retry_after: 42 }), state: "rate-limited", lang: "ar" },
  german: { ...text((_, answer) => answer.delta(WORDS.de.answer).done()), state: "done", lang: "de", more: "apply" },
});

await run(async (visit, { file, screens, only }) => {
  const stand = await gateway();
  let lost = false;
  const give = () => ({ access_token: lost ? "nothing" : "token-1", expires_in: 600 });
  const own = await host({ url: stand.url, integrity: integrityOf(readFileSync(file)), give });
  const people = visitors(visit, own, stand.url);
  const drawing = await draw(await people.person({ viewport: { width: 480, height: 320 } }), own);
  const all = Object.entries(states(drawing.toString("base64"))).filter(([name]) => !only || only.includes(name));
  const found = [];
  for (const [name, { type, run: answers, about, does, state, prompt, more = "", lang = "en", stops, later = 0, fault }] of all) {
    lost = false;
    stand.tokens = new Set(["token-1"]);
    stand.origins = new Set(does === "unlisted" ? [] : [own.url]);
    stand.addon(name, type, answers, about);
    const page = await people.person({ locale: lang, permissions: ["clipboard-write"] });
    await page.goto(own.page(`/${name}`, addon(stand.url, name, more), { lang, dir: lang === "ar" ? "rtl" : "ltr" }));
    if (does !== "unlisted") await until(page, name, "idle");
    // Said by the page itself: a browser that is told to be offline forgets it when it is looked at.
    if (does === "offline") {
      stand.tokens.clear();
      await page.evaluate(() => Object.defineProperty(navigator, "onLine", { get: () => false }));
      await page.route("**/run/**", (route) => route.abort("internetdisconnected"));
    }
    if (does === "token-lost") {
      lost = true;
      stand.tokens.clear();
    }
    if (does === "picture") {
      await page.locator("input[type=file]").setInputFiles({ name: "letterbox.png", mimeType: "image/png", buffer: drawing });
    } else if (does !== "nothing" && does !== "unlisted") await page.locator("textarea").fill(prompt ?? WORDS[lang].prompt);
    if (does !== "nothing" && does !== "unlisted") await page.locator(".send").click();
    await until(page, name, state);
    if (stops) {
      await page.keyboard.press("Escape");
      await until(page, name, stops);
    }
    await page.waitForTimeout(later);
    const seen = await page.locator(".panel").innerText();
    assert.ok(!/undefined|NaN|\{\w+\}|\[object/.test(seen), `${name}: ${seen}`);
    for (const way of WAYS) found.push(...(await wrongs(page, way)));
    if (screens) {
      for (const [width, theme] of [[720, "light"], [720, "dark"], [360, "light"]]) {
        await page.setViewportSize({ width, height: 500 });
        await page.emulateMedia({ colorScheme: theme });
        await page.screenshot({ path: `${screens}/widget-${name}-${width}-${theme}.png`, fullPage: true, animations: "disabled" });
      }
    }
    await page.context().close();
    if (fault) people.expect(fault);
  }
  await Promise.all([stand.close(), own.close()]);
  if (found.length > 0) throw new Error(`${found.length} things are wrong\n${found.join("\n")}`);
  return all.length;
});

/** A picture, as a browser draws it. */
async function draw(page, own) {
  own.file("/drawing", "text/html", `<!doctype html><html lang="en"><title>A drawing</title><style>
    body { margin: 0; height: 320px; background: linear-gradient(#cfe4ee 0 55%, #5d93ab 55% 75%, #6c8f5a 75%); }
    div { position: absolute; left: 200px; top: 110px; width: 80px; height: 120px; background: #0b6b57; border-radius: 40px 40px 6px 6px; }
    div::after { content: ""; position: absolute; left: 14px; top: 42px; width: 52px; height: 8px; background: #06231c; }
  </style><div></div>`);
  await page.goto("/drawing");
  const drawing = await page.screenshot();
  await page.context().close();
  return drawing;
}
