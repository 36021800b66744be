// OAuth for a page without a backend: authorization code with PKCE (RFC 7636), tokens bound to a key that no
// script can take away (DPoP, RFC 9449). Tokens are kept in memory alone, so nothing outlives the page.

/** What is needed between leaving for the question and coming back with its answer. */
const KEPT = "oauth";

const bytesOf = (text) => new TextEncoder().encode(text);
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const hashOf = async (text) => base64url(await crypto.subtle.digest("SHA-256", bytesOf(text)));
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** An error that the server names by a stable code. */
export class Refused extends Error {
  constructor(code, message = code) {
    super(message);
    this.code = code;
  }
}

/** Someone at one Keystead, for one application. */
export class Session {
  #server;
  #client;
  #scope;
  #key;
  #tokens;
  #renewal;

  /** @param {{ server: string, client: string, scope: string }} about */
  constructor({ server, client, scope }) {
    [this.#server, this.#client, this.#scope] = [server, client, scope];
  }

  get isSignedIn() {
    return this.#tokens !== undefined;
  }

  /** Leaves this page for the question; `prompt: "consent"` asks even who has agreed before. */
  async leave({ prompt } = {}) {
    const [verifier, state] = [random(), random()];
    sessionStorage.setItem(KEPT, JSON.stringify({ verifier, state }));
    const asked = new URLSearchParams({
      response_type: "code", client_id: this.#client, redirect_uri: here(), scope: this.#scope, state,
      code_challenge: await hashOf(verifier), code_challenge_method: "S256", ...(prompt && { prompt }),
    });
    location.assign(`${this.#server}/oauth/authorize?${asked}`);
  }

  /** Takes the answer out of the address, if this page was led back to. */
  async comeBack() {
    const said = new URLSearchParams(location.search);
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    sessionStorage.removeItem(KEPT);
    if (!said.has("state")) return;
    history.replaceState(null, "", here());
    // Another's answer: somebody may want this page to act for them.
    if (!kept || said.get("state") !== kept.state || said.get("iss") !== this.#server) throw new Refused("not_asked");
    if (!said.has("code")) throw new Refused(said.get("error") ?? "failed");
    this.#key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    await this.#ask({ grant_type: "authorization_code", code: said.get("code"), redirect_uri: here(), code_verifier: kept.verifier });
  }

  /** Ends what came of the question, here and at the server. */
  async end() {
    const token = this.#tokens?.refresh;
    this.#tokens = this.#key = undefined;
    if (!token) return;
    const body = new URLSearchParams({ client_id: this.#client, token });
    // Its answer is for nobody to read.
    await fetch(`${this.#server}/oauth/revoke`, { method: "POST", body, mode: "no-cors", credentials: "omit" });
  }

  /** `fetch` with a token that has not ended and a proof that it is ours. */
  async fetch(address, init = {}) {
    if (!this.#tokens) throw new Refused("signed_out");
    // A refresh token is used once, so one asks for all.
    if (Date.now() > this.#tokens.renewAt) await (this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined)));
    const { access } = this.#tokens;
    const headers = new Headers(init.headers);
    headers.set("authorization", `DPoP ${access}`);
    headers.set("dpop", await this.#proof(init.method ?? "GET", address, { ath: await hashOf(access) }));
    return fetch(address, { ...init, headers, credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" });
  }

  #renew() {
    return this.#ask({ grant_type: "refresh_token", refresh_token: this.#tokens.refresh });
  }

  async #ask(form) {
    const address = `${this.#server}/oauth/token`;
    const body = new URLSearchParams({ client_id: this.#client, ...form });
    const headers = { dpop: await this.#proof("POST", address) };
    const answer = await fetch(address, { method: "POST", body, headers, credentials: "omit" });
    const said = await answer.json();
    if (!answer.ok) {
      this.#tokens = undefined;
      throw new Refused(said.error);
    }
    const renewAt = Date.now() + (said.expires_in - 30) * 1_000;
    this.#tokens = { access: said.access_token, refresh: said.refresh_token, renewAt };
  }

  /** A proof for one request: which, when, by whom. */
  async #proof(htm, address, more = {}) {
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", this.#key.publicKey);
    const htu = address.split(/[?#]/)[0];
    const head = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
    const claims = { jti: random(), htm, htu, iat: Math.floor(Date.now() / 1_000), ...more };
    const signed = [head, claims].map((part) => base64url(bytesOf(JSON.stringify(part)))).join(".");
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, this.#key.privateKey, bytesOf(signed));
    return `${signed}.${base64url(signature)}`;
  }
}

const here = () => location.origin + location.pathname;
