// The official OpenAI SDK for Node against an AddOn, unmodified.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { default: OpenAI, toFile } = require("openai");
const { BASE_URL, TOKEN, PROMPT } = process.env;
const TEXT = "Sealed keys stay sealed.";
const messages = [{ role: "user", content: PROMPT }];

const client = (options = {}) =>
  new OpenAI({ baseURL: BASE_URL, apiKey: TOKEN, maxRetries: 0, ...options });

const whole = await client().chat.completions.create({ model: "gpt-6-luna", messages });
assert.equal(whole.choices[0].message.content, TEXT);

let text = "";
for await (const chunk of await client().chat.completions.create({
  model: "gpt-6-luna", messages, stream: true,
})) {
  text += chunk.choices[0].delta.content ?? "";
}
assert.equal(text, TEXT);

const answer = await client().responses.create({ model: "gpt-6-luna", input: PROMPT });
assert.equal(answer.output_text, TEXT);
const kinds = [];
for await (const event of await client().responses.create({
  model: "gpt-6-luna", input: PROMPT, stream: true,
})) {
  kinds.push(event.type);
}
assert.equal(kinds.at(-1), "response.completed");

// This SDK sends the file before the model.
const file = await toFile(Buffer.alloc(200_000), "a.wav");
const heard = await client().audio.transcriptions.create({ model: "whisper-1", file });
assert.equal(heard.text, "hello");

// Leaving a stream half-way is not an error.
const left = await client().chat.completions.create({ model: "gpt-6-luna", messages, stream: true });
for await (const _ of left) {
  left.controller.abort();
  break;
}

const fails = async (kind, status, code, call) => {
  const error = await call().then(() => assert.fail(`${kind.name} was not thrown`), (error) => error);
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  assert.deepEqual([error.status, error.code], [status, code]);
  assert.equal(error.headers.get("x-keystead-error"), code);
};
await fails(OpenAI.AuthenticationError, 401, "unauthenticated", () =>
  client({ apiKey: "wrong" }).models.list());
await fails(OpenAI.PermissionDeniedError, 403, "model_not_allowed", () =>
  client().chat.completions.create({ model: "gpt-6-astra", messages }));
await fails(OpenAI.NotFoundError, 404, "object_unknown", () =>
  client().responses.retrieve("resp_0123456789abcdef"));
