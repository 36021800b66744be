// `<keystead-connect>`: whether a key of the page's user is connected, and the way to where that is done. No
// key is ever entered here: that is a page of Keystead's own.
import { make } from "../addon/make.js";
import { KeysteadError, refusal } from "../failure.js";
import { tokenSource } from "../token.js";
import css from "./connect.css";
import { phrasesOf, providerOf } from "./phrases.js";

/** @typedef {import("../client.js").Settings["getToken"]} GetToken */
/** @typedef {"connecting" | "none" | "connected" | "paused" | "ended" | "refused" | "failed"} State */

/**
 * What the gateway tells of a user's key.
 *
 * @typedef {object} Connection
 * @property {boolean} connected Whether there is a key that the application may use.
 * @property {string} [provider]
 * @property {string} [last4]
 * @property {string} [status] How the key's last check ended.
 * @property {boolean} [paused]
 * @property {string} [ends_at]
 */

/** What says whose key, and where. */
const IDENTITY = ["client-id", "handle", "base-url"];

/** What pages may have set before this class was there. */
const PROPERTIES = ["getToken", "getConnectUrl"];

/** On a server that draws pages there are no elements; the class can be imported there all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** The connection of one user's own key with one application. */
export class KeysteadConnect extends Base {
  static observedAttributes = [...IDENTITY, "dir", "lang"];

  #root = this.attachShadow({ mode: "open" });
  #internals = this.attachInternals();
  /** @type {GetToken | undefined} */
  #getToken;
  /** @type {ReturnType<typeof tokenSource> | undefined} */
  #token;
  /** @type {Connection | undefined} */
  #connection;
  /** @type {State} */
  #state = "connecting";
  #identity = "";
  #isDue = false;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet];
    /** @type {(() => string | Promise<string>) | undefined} Where this user connects a key: a link that the page's backend asks for. */
    this.getConnectUrl = undefined;
  }

  connectedCallback() {
    const own = /** @type {any} */ (this);
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(own, name)) continue;
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    addEventListener("pageshow", this);
    this.#change();
  }

  disconnectedCallback() {
    removeEventListener("pageshow", this);
  }

  /** Back from the page where keys are connected: what was known may be over. @param {Event} event */
  handleEvent(event) {
    if (/** @type {PageTransitionEvent} */ (event).persisted) this.refresh();
  }

  attributeChangedCallback() {
    this.#change();
  }

  /** Asks the page's backend for an access token: gives it, or the answer of `/oauth/token` as it is. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(ask) {
    this.#getToken = ask;
    this.#identity = "";
    this.#change();
  }

  /** What goes on; style sheets ask with `:state(NAME)`. */
  get state() {
    return this.#state;
  }

  /** What the gateway tells of the key. */
  get connection() {
    return structuredClone(this.#connection);
  }

  /** Asks anew whether a key is connected. */
  async refresh() {
    const identity = this.#identity;
    try {
      const connection = await this.#ask();
      if (identity !== this.#identity) return;
      this.#connection = connection;
      this.#become(stateOf(connection));
      this.#tell("status", this.connection);
    } catch (error) {
      if (identity !== this.#identity) return;
      const { code } = error instanceof KeysteadError ? error : { code: "unreachable" };
      this.#connection = undefined;
      this.#become("failed");
      this.#tell("error", { code });
    }
  }

  /** Leaves for the page where people connect and manage a key of their own. */
  async connect() {
    if (!this.#tell("connect", {}, true)) return;
    // Who has an account at Keystead needs no link of the page's backend.
    const address = this.getConnectUrl ? await this.getConnectUrl() : `${this.#base()}/connect/keys`;
    if (address) location.assign(address);
  }

  #base() {
    return new URL(this.getAttribute("base-url") ?? "").href.replace(/\/+$/, "");
  }

  /** Once for all that changes in the same moment. */
  #change() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.isConnected) return;
      const identity = JSON.stringify(IDENTITY.map((name) => this.getAttribute(name)));
      const isOther = identity !== this.#identity;
      this.#identity = identity;
      if (isOther) this.#token = undefined;
      this.#become(isOther ? "connecting" : this.#state);
      if (isOther && this.#getToken) this.refresh();
    });
  }

  /** @returns {Promise<Connection>} */
  async #ask() {
    const [clientId = "", handle = ""] = IDENTITY.map((name) => this.getAttribute(name) ?? "");
    const getToken = this.#getToken;
    if (!getToken) throw new KeysteadError("token_failed", "no token");
    this.#token ??= tokenSource(() => getToken({ clientId, handle }));
    const address = `${this.#base()}/connect/status/${encodeURIComponent(clientId)}`;
    const query = handle && `?handle=${encodeURIComponent(handle)}`;
    let token = await this.#token();
    for (let tries = 2; ; tries -= 1) {
      const response = await fetch(address + query, {
        headers: { authorization: `Bearer ${token}` },
        cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
      });
      if (response.ok) return response.json();
      if (response.status !== 401 || tries < 2) throw await refusal(response);
      token = await this.#token(token);
    }
  }

  /** @param {State} state */
  #become(state) {
    this.#internals.states.delete(this.#state);
    this.#internals.states.add(state);
    this.#state = state;
    const { say, language, dir } = phrasesOf(this.closest("[lang]")?.getAttribute("lang") || navigator.language);
    const { provider, last4, ends_at: endsAt } = this.#connection ?? {};
    const filled = { provider: providerOf(provider ?? ""), key: `••••${last4 ?? ""}` };
    const until = state === "connected" && endsAt
      ? ` ${say("until", { when: new Date(endsAt).toLocaleDateString(language, { dateStyle: "long" }) })}` : "";
    const isGood = state === "connected";
    const isBad = state === "refused" || state === "failed";
    const status = make("p", { part: `status ${isGood ? "good" : isBad ? "bad" : ""}`, role: "status" }, say(state, filled) + until);
    const failed = state === "failed";
    const button = make("button", { type: "button", part: `button ${isGood || failed ? "manage" : "connect main"}` },
      say(failed ? "retry" : isGood || state === "paused" ? "manage" : "connect"));
    button.onclick = () => (failed ? this.refresh() : this.connect());
    const actions = make("div", { part: "actions" }, button, make("slot", { name: "actions" }));
    actions.hidden = state === "connecting";
    const title = make("div", { part: "title" }, make("slot", { name: "label" }, say("title")));
    this.#root.replaceChildren(make("section",
      { part: "panel", role: "group", "aria-label": say("title"), lang: language, dir: this.getAttribute("dir") ?? dir },
      title, status, actions));
  }

  /** @param {string} name @param {any} detail */
  #tell(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`keystead-${name}`, { bubbles: true, composed: true, cancelable, detail }));
  }
}

/** @param {Connection} connection @returns {State} */
function stateOf({ connected, status, paused, ends_at: endsAt }) {
  if (!connected) return "none";
  if (status === "wrong") return "refused";
  if (paused) return "paused";
  return endsAt && Date.parse(endsAt) <= Date.now() ? "ended" : "connected";
}
