// Calls through Keystead, for pages that have an interface of their own.
import { eventsOf } from "./events.js";
import { KeysteadError, refusal, requestIdOf, told } from "./failure.js";
import { tokenSource } from "./token.js";

/** @typedef {import("./token.js").Token} Token */

/**
 * @typedef {object} Settings
 * @property {string} clientId The application's client id.
 * @property {string} handle The AddOn's handle.
 * @property {string | URL} baseUrl Where Keystead is, such as `https://keys.example`.
 * @property {(wanted: { clientId: string, handle: string }) => Token | Promise<Token>} getToken
 *   Asks the page's own backend for an access token.
 */

/** @typedef {{ role: "user" | "assistant", content: string }} Message */
/** @typedef {"image/png" | "image/jpeg" | "image/webp" | "image/gif"} PictureType */

/**
 * What can be asked for.
 *
 * @typedef {{ task: "text", input: string | Message[], instructions?: string, model?: string, max_output_tokens?: number }
 *   | { task: "translate", input: string, target: string, source?: string, model?: string }
 *   | { task: "image", input: string, shape?: "square" | "landscape" | "portrait", model?: string }
 *   | { task: "alt-text", image: { type: PictureType, data: string }, language?: string, model?: string }} Task
 */

/** @typedef {Partial<Record<"input_tokens" | "output_tokens" | "characters" | "images", number | null>>} Usage */

/**
 * What comes back, in this order: one `start`, any number of `delta` and `image`, one `done`.
 *
 * @typedef {{ type: "start", requestId?: string }
 *   | { type: "delta", text: string }
 *   | { type: "image", mime: string, data: string }
 *   | { type: "done", finishReason: string, model?: string, usage: Usage }} Answer
 */

/** @typedef {{ scope: string, what: string, limit: number, remaining: number, reset_s: number }} Limit */

/**
 * What an AddOn is, as its gateway tells.
 *
 * @typedef {object} About
 * @property {string} handle
 * @property {string} type
 * @property {string} provider
 * @property {Task["task"][]} tasks
 * @property {string[]} models
 * @property {string} key_source
 * @property {Limit[]} [limits]
 */

/** Headers in which SDKs send a provider's key, beside `authorization`. */
const KEY_HEADERS = ["x-api-key", "api-key", "ocp-apim-subscription-key"];

/** How long the gateway may take to say that it is there, in milliseconds. */
const PROBE = 5_000;

/** One AddOn, called with short-lived tokens. It holds no key, and nothing of it outlives the page. */
export class KeysteadClient {
  #base;
  #path;
  #token;

  /** @param {Settings} settings */
  constructor({ clientId, handle, baseUrl, getToken }) {
    if (!clientId || !handle || !baseUrl || !getToken) {
      throw new TypeError("clientId, handle, baseUrl and getToken are needed");
    }
    this.#base = new URL(baseUrl).href.replace(/\/+$/, "");
    this.#path = `${encodeURIComponent(clientId)}/${encodeURIComponent(handle)}`;
    this.#token = tokenSource(() => getToken({ clientId, handle }));
    // SDKs call it without us.
    this.fetch = this.fetch.bind(this);
  }

  /** The base URL for a provider's own SDK; OpenAI's wants `/v1` after it. */
  get proxyUrl() {
    return `${this.#base}/proxy/${this.#path}`;
  }

  /** Where tasks go. */
  get runUrl() {
    return `${this.#base}/run/${this.#path}`;
  }

  /**
   * `fetch` with an access token in the place of the provider's key, for this AddOn's addresses and no
   * others. A token that the gateway does not take is renewed once.
   *
   * @param {RequestInfo | URL} input
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async fetch(input, init = {}) {
    const request = input instanceof Request ? input : undefined;
    this.#mustBeOurs(request ? request.url : String(input));
    const headers = new Headers(init.headers ?? request?.headers);
    const signal = init.signal ?? request?.signal ?? null;
    // A token goes to the address that was checked, and no page learns of it from a `Referer`.
    /** @type {RequestInit} */
    const fixed = { ...init, headers, credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" };

    const token = await unlessAborted(this.#token(), signal);
    authorize(headers, token);
    const spare = request?.clone();
    const response = await fetch(input, fixed);
    if (!isTokenRefused(response) || init.body instanceof ReadableStream) return response;

    response.body?.cancel().catch(() => undefined);
    authorize(headers, await unlessAborted(this.#token(token), signal));
    return fetch(spare ?? input, fixed);
  }

  /**
   * Asks for one thing, in the same way whoever the provider is. Leaving the loop early ends the call.
   *
   * @param {Task} task
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {AsyncGenerator<Answer, void, void>}
   * @throws {KeysteadError} When it is refused, or breaks off.
   */
  async *run(task, { signal } = {}) {
    const response = await this.#call({
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(task),
      signal: signal ?? null,
    });
    const requestId = requestIdOf(response);
    yield { type: "start", requestId };
    let cause;
    try {
      for await (const { name, data } of eventsOf(/** @type {any} */ (response.body))) {
        const { text, type: mime, data: bytes, finish_reason: finishReason, model, usage, ...said } = JSON.parse(data);
        if (name === "delta") yield { type: "delta", text };
        if (name === "image") yield { type: "image", mime, data: bytes };
        if (name === "done") return yield { type: "done", finishReason, model, usage };
        if (name === "error") throw told(said, { requestId, source: "provider" });
      }
    } catch (error) {
      if (signal?.aborted || error instanceof KeysteadError) throw error;
      cause = error;
    }
    throw new KeysteadError("broke_off", "broke off", { retryable: true, requestId, cause });
  }

  /**
   * What the AddOn is, and what is left of its limits for this caller. Costs nothing.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<About>}
   */
  async about({ signal } = {}) {
    const response = await this.#call({ signal: signal ?? null });
    return response.json();
  }

  /** @param {RequestInit} init */
  async #call(init) {
    let response;
    try {
      response = await this.fetch(this.runUrl, { ...init, cache: "no-store" });
    } catch (error) {
      if (init.signal?.aborted || error instanceof KeysteadError) throw error;
      throw await this.#unreached(error);
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /**
   * Why there was no answer. A browser does not tell; but a file that every page may read shows whether
   * the gateway is there, and then it is this page that may not call.
   *
   * @param {unknown} cause
   */
  async #unreached(cause) {
    const facts = { retryable: true, cause };
    if (globalThis.navigator?.onLine === false) return new KeysteadError("offline", "offline", facts);
    try {
      await fetch(`${this.#base}/widget/v1.json`, {
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(PROBE),
      });
    } catch {
      return new KeysteadError("unreachable", this.#base, facts);
    }
    const origin = globalThis.location?.origin;
    const text = `add ${origin} to the origins of the application in the Developer Console`;
    return new KeysteadError("origin_not_allowed", text, { cause, source: /** @type {const} */ ("gateway") });
  }

  /** @param {string} address */
  #mustBeOurs(address) {
    // As the browser would read it: dot segments are gone.
    const { href } = new URL(address, globalThis.location?.href);
    const isOurs = [this.proxyUrl, this.runUrl].some(
      (own) => href.startsWith(own) && ["", "/", "?", "#"].includes(href.charAt(own.length)),
    );
    if (!isOurs) throw new TypeError("not an address of this AddOn");
  }
}

/**
 * Puts the token where the SDK put its key.
 *
 * @param {Headers} headers
 * @param {string} token
 */
function authorize(headers, token) {
  const place = KEY_HEADERS.find((name) => headers.has(name));
  headers.delete("authorization");
  headers.set(place ?? "authorization", place ? token : `Bearer ${token}`);
}

/**
 * Whether the gateway, not the provider, did not take the token.
 *
 * @param {Response} response
 */
const isTokenRefused = ({ status, headers }) => status === 401 && headers.get("x-keystead-source") === "gateway";

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | null} signal
 * @returns {Promise<T>}
 */
function unlessAborted(promise, signal) {
  /** @type {Promise<never>} */
  const aborted = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true }));
  return Promise.race([promise, aborted]);
}
