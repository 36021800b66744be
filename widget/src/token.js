// The access token: asked of the host page, kept in memory alone, renewed before it ends.
import { KeysteadError } from "./failure.js";

/**
 * What a host's `getToken` gives: the token, or the answer of `/oauth/token` as it is.
 *
 * @typedef {string | { access_token: string, expires_in?: number }} Token
 */

/** The longest time before its end at which a token is renewed, in milliseconds. */
const EARLY = 30_000;

/**
 * Gives a token that has not ended, and asks for one at a time however many calls want it. `refused` is one
 * that the gateway did not take: another is asked for, unless that has happened since.
 *
 * @param {() => Token | Promise<Token>} ask
 * @returns {(refused?: string) => Promise<string>}
 */
export function tokenSource(ask) {
  /** @type {string | undefined} */
  let token;
  let renewAt = 0;
  let endsAt = 0;
  /** @type {Promise<string> | undefined} */
  let renewal;

  return async (refused) => {
    if (refused === token) token = undefined;
    if (token && Date.now() < renewAt) return token;
    return (renewal ??= renew().finally(() => (renewal = undefined)));
  };

  async function renew() {
    try {
      const given = await ask();
      const { access_token: text, expires_in: life = Infinity } =
        typeof given === "string" ? { access_token: given } : given;
      // What it is instead is not told: it may be half a token.
      if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) throw new TypeError("no token");
      token = text;
      endsAt = Date.now() + life * 1_000;
      renewAt = endsAt - Math.min(EARLY, life * 200);
      return text;
    } catch (cause) {
      // Asked early, so the one before may still do.
      if (token && Date.now() < endsAt) return token;
      throw new KeysteadError("token_failed", "no token", { retryable: true, cause });
    }
  }
}
