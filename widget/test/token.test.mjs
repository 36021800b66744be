import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { tokenSource } from "../src/token.js";

/** A host that gives tokens one after the other, and counts. */
function host(life) {
  const own = { asked: 0 };
  own.token = tokenSource(async () => {
    own.asked += 1;
    if (own.fails) throw new Error("the host is away");
    return life === undefined ? `token-${own.asked}` : { access_token: `token-${own.asked}`, expires_in: life };
  });
  return own;
}

test("calls at the same time share one token, and later ones too", async () => {
  const one = host(600);
  assert.deepEqual(await Promise.all([one.token(), one.token(), one.token()]), ["token-1", "token-1", "token-1"]);
  assert.equal(await one.token(), "token-1");
  assert.equal(one.asked, 1);
});

test("a token is renewed before it ends, once", async () => {
  mock.timers.enable({ apis: ["Date"] });
  try {
    for (const [life, still, early] of [[600, 569, 571], [60, 47, 49]]) {
      const one = host(life);
      await one.token();
      mock.timers.tick(still * 1_000);
      assert.equal(await one.token(), "token-1", `${life} s, after ${still}`);
      mock.timers.tick((early - still) * 1_000);
      assert.deepEqual(await Promise.all([one.token(), one.token()]), ["token-2", "token-2"], `${life} s, after ${early}`);
    }
  } finally {
    mock.timers.reset();
  }
});

test("a host that is away at renewal does no harm while the token still works", async () => {
  mock.timers.enable({ apis: ["Date"] });
  try {
    const one = host(600);
    await one.token();
    one.fails = true;
    mock.timers.tick(580_000);
    assert.equal(await one.token(), "token-1");
    mock.timers.tick(30_000);
    await assert.rejects(one.token(), { name: "KeysteadError", code: "token_failed", source: "page" });
    one.fails = false;
    assert.equal(await one.token(), "token-4");
  } finally {
    mock.timers.reset();
  }
});

test("a refused token is renewed once, however many calls it was refused to", async () => {
  const one = host();
  const first = await one.token();
  assert.deepEqual(await Promise.all([one.token(first), one.token(first)]), ["token-2", "token-2"]);
  // A call that was slower to hear of it.
  assert.equal(await one.token(first), "token-2");
  assert.equal(one.asked, 2);
});

test("what is no token is not sent", async () => {
  for (const given of [undefined, null, "", "two words", "line\nbreak", {}, { access_token: 7 }, { error: "no" }]) {
    await assert.rejects(tokenSource(() => given)(), { code: "token_failed" }, JSON.stringify(given));
  }
});
