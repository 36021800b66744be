// openid-client, unmodified, as applications use it: discovery, authorization code with PKCE, refresh,
// token exchange, revocation, proof of possession. What a person does in between, the test does.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const client = require("openid-client");
const { ISSUER, CLIENT_ID, SECRET_ID, SECRET, BACK, MODELS, SUBJECT_TOKEN } = process.env;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const plant = (kind, value) => {
  say({ plant: [kind, value] });
  return value;
};

const discover = (id, ...how) =>
  client.discovery(new URL(ISSUER), id, ...how, {
    algorithm: "oauth2", execute: [client.allowInsecureRequests],
  });
const fails = async (error, call) => {
  const thrown = await call().then(() => assert.fail(`${error} was not thrown`), (thrown) => thrown);
  assert.equal(thrown.error ?? thrown.code, error, thrown);
};

/** Sends a person to the question, and gives the address that they came back to. */
async function authorized(config, more = {}) {
  const verifier = plant("verifier", client.randomPKCECodeVerifier());
  const state = client.randomState();
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: BACK, scope: "addon:chat", state, code_challenge_method: "S256",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), ...more,
  });
  say({ visit: address.href });
  const { value } = await lines.next();
  const back = new URL(value);
  plant("code", back.searchParams.get("code"));
  return [back, { pkceCodeVerifier: verifier, expectedState: state }];
}

/** Calls the proxy with a token, and with a proof if there is a handle for one. */
async function call(config, token, options) {
  const headers = new Headers();
  const answer = await client.fetchProtectedResource(
    config, token, new URL(MODELS), "GET", null, headers, options);
  return answer.status;
}

function planted(tokens) {
  plant("access_token", tokens.access_token);
  if (tokens.refresh_token) plant("refresh_token", tokens.refresh_token);
  return tokens;
}

// A public client, with tokens that anybody can use and with tokens that are bound to its key.
const config = await discover(CLIENT_ID, undefined, client.None());
const metadata = config.serverMetadata();
assert.ok(metadata.supportsPKCE("S256"));
const pair = await client.randomDPoPKeyPair("ES256");
for (const DPoP of [undefined, client.getDPoPHandle(config, pair)]) {
  const options = DPoP && { DPoP };
  const more = DPoP ? { dpop_jkt: await DPoP.calculateThumbprint() } : {};
  const [back, checks] = await authorized(config, more);
  const mixedUp = new URL(back);
  mixedUp.searchParams.set("iss", "https://evil.example");
  await assert.rejects(client.authorizationCodeGrant(config, mixedUp, checks, undefined, options));
  const first = planted(
    await client.authorizationCodeGrant(config, back, checks, undefined, options));
  assert.equal(first.token_type, DPoP ? "dpop" : "bearer");
  assert.equal(first.scope, "addon:chat");
  assert.equal(await call(config, first.access_token, options), 200);
  if (DPoP) await assert.rejects(call(config, first.access_token));

  const next = planted(
    await client.refreshTokenGrant(config, first.refresh_token, undefined, options));
  assert.equal(await call(config, next.access_token, options), 200);
  await client.tokenRevocation(config, next.refresh_token);
  await fails("invalid_grant", () =>
    client.refreshTokenGrant(config, next.refresh_token, undefined, options));
  await assert.rejects(call(config, next.access_token, options));
}

// What the application's own identity provider says.
const exchanged = planted(await client.genericGrantRequest(
  config, "urn:ietf:params:oauth:grant-type:token-exchange", {
    subject_token: SUBJECT_TOKEN, scope: "addon:chat",
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
  }));
assert.equal(await call(config, exchanged.access_token), 200);

// One with a backend, by each way to show its secret.
for (const method of [client.ClientSecretBasic(SECRET), client.ClientSecretPost(SECRET)]) {
  const own = await discover(SECRET_ID, undefined, method);
  planted(await client.clientCredentialsGrant(own, { uid: "u-1", scope: "addon:chat" }));
  await fails("invalid_scope", () =>
    client.clientCredentialsGrant(own, { uid: "u-1", scope: "addon:nothing" }));
  const [back, checks] = await authorized(own);
  planted(await client.authorizationCodeGrant(own, back, checks));
}
say({ done: true });
process.exit(0);
