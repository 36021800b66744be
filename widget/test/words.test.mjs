import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { pictureOf, typeOf } from "../src/addon/picture.js";
import { quotaOf } from "../src/addon/quota.js";
import { troubleOf } from "../src/addon/trouble.js";
import { phrasesOf } from "../src/connect/phrases.js";
import { KeysteadConnect } from "../dist/connect.js";
import { KeysteadAddOn } from "../dist/keystead.js";
import { Words } from "../src/words.js";

const languages = readdirSync(new URL("../src/languages/", import.meta.url)).filter((name) => name !== "index.js");
const source = (name) => readFileSync(new URL(`../src/${name}`, import.meta.url), "utf8");
const manifest = JSON.parse(readFileSync(new URL("../custom-elements.json", import.meta.url)));
const [element] = manifest.modules[0].declarations;

test("every language says everything, with the same places to fill in", async () => {
  const load = async (name) => (await import(`../src/languages/${name}`)).default;
  const english = await load("en.js");
  const places = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const name of languages) {
    const own = await load(name);
    assert.deepEqual(Object.keys(own), Object.keys(english), name);
    for (const [key, text] of Object.entries(own)) {
      assert.ok(text.trim(), `${name}: ${key}`);
      assert.deepEqual(places(text), places(english[key]), `${name}: ${key}`);
    }
  }
});

test("a language is found by its tag, and English stands in", () => {
  for (const [tag, language, dir] of [
    ["de-AT", "de-AT", "ltr"], ["ar", "ar", "rtl"], ["EN", "EN", "ltr"], ["pt-BR", "en", "ltr"], ["", "en", "ltr"],
    ["de_DE", "de", "ltr"], ["toString", "en", "ltr"],
  ]) {
    const words = new Words(tag);
    assert.deepEqual([words.language, words.dir], [language, dir], tag);
    assert.ok(words.number(1_234.5) && words.wait(12) && words.when(4_000) && words.nameOf("fr"), tag);
  }
});

test("waits and times are told as the language does", () => {
  const words = new Words("en");
  assert.deepEqual([1, 99].map((s) => words.wait(s)), ["1 second", "99 seconds"]);
  assert.equal(new Words("de").wait(2), "2 Sekunden");
  assert.match(words.when(3_600), /^\w{3} \d+:\d\d\s[AP]M$/);
  assert.match(new Words("de").when(200_000), /^\d+\. \p{L}+$/u);
});

test("every code leads to a state that there are words for", () => {
  const words = new Words("en");
  const states = new Set(element.cssStates.map(({ name }) => name));
  for (const [code, status, expected] of [
    ["rate_limited", 429, "rate-limited"], ["concurrency_full", 429, "rate-limited"], ["provider_pause", 429, "rate-limited"],
    ["provider_rate_limited", 0, "rate-limited"], ["budget_reserved", 429, "rate-limited"], ["budget_exhausted", 429, "budget-out"],
    ["provider_unreachable", 502, "provider-down"], ["provider_silent", 504, "provider-down"], ["stopping", 503, "provider-down"],
    ["provider_error", 400, "provider-down"], ["unreachable", 0, "provider-down"], ["offline", 0, "offline"],
    ["unauthenticated", 401, "session-expired"], ["token_failed", 0, "session-expired"], ["user_key_missing", 403, "not-connected"],
    ["user_key_paused", 403, "not-connected"], ["user_key_refused", 401, "key-invalid"], ["free_tier_used", 429, "budget-out"],
    ["provider_pause", 429, "rate-limited"], ["provider_error", 400, "provider-down"],
    ["key_rejected", 401, "key-invalid"], ["origin_not_allowed", 0, "origin-not-allowed"], ["address_not_allowed", 403, "origin-not-allowed"],
    ["addon_disabled", 403, "unavailable"], ["not_found", 404, "unavailable"], ["integrity_failed", 503, "unavailable"],
    ["task_not_supported", 400, "unavailable"], ["content_refused", 400, "refused"], ["body_too_large", 413, "unusable"],
    ["not_an_image", 0, "unusable"], ["broke_off", 0, "broke-off"], ["internal", 500, "failed"], ["anything", 400, "failed"],
  ]) {
    const [trouble, next] = troubleOf({ code, status });
    assert.equal(trouble, expected, code);
    assert.ok(words.say(trouble === "origin-not-allowed" ? "unavailable" : trouble) && words.say(next), code);
    assert.ok(states.has(trouble), trouble);
  }
});

test("a quota is told when there is something to plan by", () => {
  const words = new Words("en");
  const limit = (what, limit, remaining, reset_s) => ({ scope: "user", what, limit, remaining, reset_s });
  assert.equal(quotaOf([], words), "");
  assert.equal(quotaOf([limit("requests", 60, 59, 12)], words), "");
  assert.equal(quotaOf([limit("requests", 60, 3, 12)], words), "Requests left: 3 of 60");
  assert.match(quotaOf([limit("requests", 60, 59, 12), limit("tokens", 50_000, 12_500, 7_000), limit("images", 10, 9, 7_000)], words),
    /^Tokens left: 12,500 of 50,000 · Renewed /);
  assert.equal(quotaOf([limit("neutrinos", 4, 1, 1)], words), "neutrinos left: 1 of 4");
});

test("only pictures are pictures", async () => {
  const bytes = (text) => Buffer.from(text, "latin1").toString("base64");
  for (const [text, type] of [
    ["\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"], ["\xff\xd8\xff\xe0rest", "image/jpeg"], ["GIF89a....", "image/gif"],
    ["RIFF\x10\x20\x30\x40WEBPVP8 ", "image/webp"], ["RIFF\xff\xff\xff\xffWEBPVP8 ", "image/webp"], ["RIFF\x10\x20\x30\x40WAVEfmt ", undefined],
    ["<svg xmlns='http://www.w3.org/2000/svg'/>", undefined], ["<html>", undefined], ["", undefined],
  ]) {
    assert.equal(typeOf(bytes(text)), type, text);
    const picture = pictureOf(bytes(text));
    assert.equal(picture?.type, type, text);
    if (picture) assert.equal(Buffer.from(await picture.arrayBuffer()).toString("latin1"), text);
  }
});

test("the manifest names what the element has, and nothing else", () => {
  const { prototype } = KeysteadAddOn;
  const own = new Set(Object.getOwnPropertyNames(prototype));
  const callbacks = ["constructor", "connectedCallback", "disconnectedCallback", "attributeChangedCallback", "handleEvent"];
  const listed = element.members.map(({ name }) => name);
  const set = ["context", "instructions", "getConnectUrl"];
  assert.deepEqual(listed.filter((name) => !own.has(name) && !set.includes(name)), []);
  assert.deepEqual([...own].filter((name) => !listed.includes(name) && !callbacks.includes(name)), []);
  const attributes = element.attributes.map(({ name }) => name);
  assert.deepEqual(KeysteadAddOn.observedAttributes.filter((name) => !attributes.includes(name)), []);
  const code = ["element", "view", "fields", "turn"].map((name) => source(`addon/${name}.js`)).join("");
  const style = source("addon/style.css");
  for (const name of attributes) assert.ok(code.includes(`"${name}"`) || style.includes(`[${name}=`), `attribute ${name}`);
  const told = new Set([...code.matchAll(/#tell\("([a-z]+)"/g)].map(([, name]) => `keystead-${name}`))
    // Those that are told by the name of what came, or of the button.
    .union(new Set(["start", "delta", "apply"].map((name) => `keystead-${name}`)));
  assert.deepEqual(new Set(element.events.map(({ name }) => name)), told);
  const slots = new Set([...code.matchAll(/make\("slot", \{ name: "([a-z]+)"/g)].map(([, name]) => name)).add("error-STATE");
  assert.deepEqual(new Set(element.slots.map(({ name }) => name)), slots);
  const properties = new Set([...style.matchAll(/var\((--ks-[a-z-]+)/g)].map(([, name]) => name));
  assert.deepEqual(new Set(element.cssProperties.map(({ name }) => name)), properties);
  for (const { name } of element.cssParts) assert.match(code, new RegExp(`part: [^,}]*[\`" ]${name}[\`" $]`), `part ${name}`);
});

test("the manifest names what the connection has, and nothing else", () => {
  const [connect] = manifest.modules[1].declarations;
  const own = Object.getOwnPropertyNames(KeysteadConnect.prototype);
  const callbacks = ["constructor", "connectedCallback", "disconnectedCallback", "attributeChangedCallback", "handleEvent"];
  const listed = connect.members.map(({ name }) => name);
  assert.deepEqual(listed.filter((name) => name !== "getConnectUrl" && !own.includes(name)), []);
  assert.deepEqual(own.filter((name) => !listed.includes(name) && !callbacks.includes(name)), []);
  const [code, style] = [source("connect/element.js"), source("connect/connect.css")];
  const attributes = connect.attributes.map(({ name }) => name);
  assert.deepEqual(KeysteadConnect.observedAttributes.filter((name) => !attributes.includes(name)), []);
  for (const name of attributes) assert.ok(code.includes(`"${name}"`) || style.includes(`[${name}=`), `attribute ${name}`);
  const told = new Set([...code.matchAll(/#tell\("([a-z]+)"/g)].map(([, name]) => `keystead-${name}`));
  assert.deepEqual(new Set(connect.events.map(({ name }) => name)), told);
  const properties = new Set([...style.matchAll(/var\((--ks-[a-z-]+)/g)].map(([, name]) => name));
  assert.deepEqual(new Set(connect.cssProperties.map(({ name }) => name)), properties);
  for (const { name } of connect.cssStates) assert.ok(phrasesOf("en").say(name, { provider: "", key: "" }), name);
});

test("the connection speaks every language of the AddOn", () => {
  for (const language of ["ar", "de", "en"]) {
    const { language: found, say } = phrasesOf(language);
    assert.equal(found, language);
    assert.match(say("connected", { provider: "OpenAI", key: "••••1234" }), /OpenAI.*1234|1234.*OpenAI/);
  }
  assert.equal(phrasesOf("fr-CA").language, "en");
});
