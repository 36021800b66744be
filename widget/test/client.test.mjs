import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { KeysteadClient } from "../src/client.js";
import { gateway } from "./stand_in.mjs";

let stand;
let asked;
before(async () => { stand = await gateway(); });
after(() => stand.close());
beforeEach(() => {
  stand.calls.length = stand.refused.length = asked = 0;
  stand.tokens = new Set(["token-1", "token-2"]);
});

/** One whose token stays. */
const steady = () => client("chat", () => "token-1");

function client(handle = "chat", give = () => `token-${(asked += 1)}`) {
  return new KeysteadClient({ clientId: "cl_1", handle, baseUrl: `${stand.url}/`, getToken: give });
}

async function all(run) {
  const answers = [];
  for await (const answer of run) answers.push(answer);
  return answers;
}

const HELLO = { task: "text", input: "hello" };

test("a task comes back as it was answered", async () => {
  stand.addon("chat", "text", (task, answer) => answer.delta("Hello ").delta("there").done());
  assert.deepEqual(await all(client().run(HELLO)), [
    { type: "start", requestId: "req_0192f3" },
    { type: "delta", text: "Hello " },
    { type: "delta", text: "there" },
    { type: "done", finishReason: "stop", model: "stand-in-1", usage: { input_tokens: 3, output_tokens: 5 } },
  ]);
  assert.deepEqual(stand.calls.map(({ task, token }) => [task, token]), [[HELLO, "token-1"]]);
});

test("what an AddOn is can be asked", async () => {
  stand.addon("chat", "text", () => undefined, { limits: [{ scope: "user", what: "requests", limit: 60, remaining: 59, reset_s: 12 }] });
  const about = await client().about();
  assert.equal(about.type, "text");
  assert.equal(about.limits[0].remaining, 59);
});

test("a token is asked for once, and knows for what", async () => {
  const wanted = [];
  stand.addon("chat", "text", (task, answer) => answer.done());
  const one = client("chat", (what) => { wanted.push(what); return { access_token: "token-1", token_type: "Bearer", expires_in: 600 }; });
  await Promise.all([all(one.run(HELLO)), all(one.run(HELLO)), one.about()]);
  assert.deepEqual(wanted, [{ clientId: "cl_1", handle: "chat" }]);
});

test("a token that the gateway refuses is renewed once, and then no more", async () => {
  stand.addon("chat", "text", (task, answer) => answer.done());
  const one = client();
  await all(one.run(HELLO));
  stand.tokens.delete("token-1");
  await Promise.all([all(one.run(HELLO)), all(one.run(HELLO))]);
  assert.equal(asked, 2);
  stand.tokens.clear();
  await assert.rejects(all(one.run(HELLO)), { code: "unauthenticated", status: 401 });
  assert.equal(asked, 3);
});

test("a provider's own 401 is no reason to renew", async () => {
  stand.addon("chat", "text", (task, answer) => answer.refuse(401, { code: "key_rejected" }, { "x-keystead-source": "upstream" }));
  await assert.rejects(all(client().run(HELLO)), { code: "key_rejected", source: "provider" });
  assert.equal(asked, 1);
  assert.equal(stand.calls.length, 1);
});

test("each refusal says what it is", async () => {
  for (const [status, error, expected] of [
    [429, { code: "rate_limited", retryable: true, retry_after: 7 }, { retryable: true, retryAfter: 7, source: "gateway" }],
    [403, { code: "model_not_allowed", retryable: false }, { retryable: false, retryAfter: undefined }],
    [502, { code: "provider_unreachable", retryable: true }, { retryable: true }],
  ]) {
    stand.addon("chat", "text", (task, answer) => answer.refuse(status, error));
    await assert.rejects(all(steady().run(HELLO)), { code: error.code, status, requestId: "req_0192f3", ...expected });
  }
});

test("an error in the middle, and an end that never came, are errors", async () => {
  stand.addon("chat", "text", (task, answer) => answer.delta("a").error({ code: "provider_overloaded", retryable: true, retry_after: 3 }));
  await assert.rejects(all(steady().run(HELLO)), { code: "provider_overloaded", retryAfter: 3, source: "provider", requestId: "req_0192f3" });
  for (const [how, end] of [["cut", (answer) => answer.cut()], ["no JSON", (answer) => answer.raw("data: {\n\n")]]) {
    stand.addon("chat", "text", (task, answer) => { answer.delta("a"); setTimeout(() => end(answer), 20); });
    await assert.rejects(all(steady().run(HELLO)), { code: "broke_off", retryable: true }, how);
  }
});

test("leaving the loop, or a signal, ends the call", async () => {
  for (const how of ["break", "signal"]) {
    let running;
    stand.addon("chat", "text", (task, answer) => { running = answer; answer.delta("a"); });
    const abort = new AbortController();
    const call = async () => {
      for await (const { type } of client().run(HELLO, { signal: abort.signal })) {
        if (type === "delta" && how === "break") return;
        if (type === "delta") abort.abort();
      }
    };
    if (how === "break") await call();
    else await assert.rejects(call(), { name: "AbortError" });
    await running.left;
    assert.equal(running.isLeft, true, how);
  }
});

test("a signal need not wait for a host that gives no token", async () => {
  const abort = new AbortController();
  const call = all(client("chat", () => new Promise(() => undefined)).run(HELLO, { signal: abort.signal }));
  setTimeout(() => abort.abort(), 20);
  await assert.rejects(call, { name: "AbortError" });
});

test("a gateway that is not there is unreachable", async () => {
  const gone = await gateway();
  await gone.close();
  const one = new KeysteadClient({ clientId: "cl_1", handle: "chat", baseUrl: gone.url, getToken: () => "token-1" });
  await assert.rejects(all(one.run(HELLO)), { code: "unreachable", source: "page" });
});

test("the token stands where the SDK has its key, and in no other place", async () => {
  stand.addon("chat", "text", (task, answer) => answer.done());
  for (const [sent, place, expected] of [
    [{ authorization: "Bearer nothing" }, "authorization", "Bearer token-1"],
    [{ "x-api-key": "nothing" }, "x-api-key", "token-1"],
    [{ "api-key": "nothing" }, "api-key", "token-1"],
    [{}, "authorization", "Bearer token-1"],
  ]) {
    asked = 0;
    const one = client();
    await one.fetch(`${one.proxyUrl}/v1/models`, { headers: sent });
    const { headers, path } = stand.calls.at(-1);
    assert.equal(path, "/v1/models");
    assert.equal(headers[place], expected);
    const all = JSON.stringify(headers);
    assert.equal(all.split("token-1").length, 2, all);
    assert.ok(!all.includes("nothing"), all);
  }
});

test("a request whose token was refused is sent again, body and all", async () => {
  stand.tokens = new Set(["token-2", "token-4"]);
  stand.addon("chat", "text", (task, answer) => answer.done());
  const one = client();
  const init = { method: "POST", headers: { "content-type": "text/plain" }, body: "the body" };
  await one.fetch(`${one.proxyUrl}/v1/a`, init);
  stand.tokens.delete("token-2");
  asked = 3;
  const response = await one.fetch(new Request(`${one.proxyUrl}/v1/b`, init));
  assert.equal(response.status, 200);
  assert.deepEqual(stand.calls.map(({ path, task }) => [path, task]), [["/v1/a", "the body"], ["/v1/b", "the body"]]);
  assert.deepEqual(stand.refused, ["token-1", "token-2"]);
});

test("no token goes to another address", async () => {
  const one = client();
  for (const address of [
    "https://elsewhere.example/", `${stand.url}/run/cl_1/chat2`, `${stand.url}/proxy/cl_1/other/v1`,
    `${one.proxyUrl}/../other/v1`, `${one.proxyUrl}/%2e%2e/other`, `${stand.url}/oauth/token`, `${one.proxyUrl}x`,
    one.proxyUrl.replace("http://", "http://user@"),
  ]) await assert.rejects(one.fetch(address), TypeError, address);
  assert.equal(asked, 0);
  assert.equal(stand.calls.length, 0);
});

test("what is missing is said at once", () => {
  const whole = { clientId: "cl_1", handle: "chat", baseUrl: "https://keys.example", getToken: () => "t" };
  for (const name of Object.keys(whole)) {
    assert.throws(() => new KeysteadClient({ ...whole, [name]: undefined }), TypeError, name);
  }
});
