// The official Anthropic SDK for Node against an AddOn, unmodified: the newest, or the one that
// PACKAGE names.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { BASE_URL, TOKEN, PROMPT, PACKAGE = "@anthropic-ai/sdk" } = process.env;
const { default: Anthropic } = require(PACKAGE);
const TEXT = "Sealed keys stay sealed.";
const call = {
  model: "claude-haiku-5-5", max_tokens: 32, messages: [{ role: "user", content: PROMPT }],
};

const client = (options = {}) =>
  new Anthropic({ baseURL: BASE_URL, apiKey: TOKEN, maxRetries: 0, ...options });

for (const one of [client(), client({ apiKey: null, authToken: TOKEN })]) {
  const whole = await one.messages.create(call);
  assert.equal(whole.content[0].text, TEXT);
}
const streamed = await client().messages.stream(call).finalMessage();
assert.equal(streamed.content[0].text, TEXT);
assert.equal(streamed.usage.output_tokens, 6);

const fails = async (kind, status, code, call) => {
  const error = await call().then(() => assert.fail(`${kind.name} was not thrown`), (error) => error);
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  assert.equal(error.status, status);
  assert.equal(error.headers.get("x-keystead-error"), code);
};
await fails(Anthropic.AuthenticationError, 401, "unauthenticated", () =>
  client({ apiKey: "wrong" }).models.list());
await fails(Anthropic.PermissionDeniedError, 403, "model_not_allowed", () =>
  client().messages.create({ ...call, model: "claude-opus-5-5" }));

const spent = client({ baseURL: process.env.SPENT_URL, maxRetries: 5 });
const began = Date.now();
const refused = await spent.messages.create(call).catch((error) => error);
assert.ok(refused instanceof Anthropic.RateLimitError, refused);
assert.match(refused.message, /1 tokens\/day/);
assert.ok(Date.now() - began < 2000);
