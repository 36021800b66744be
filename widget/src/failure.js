// What can go wrong with a call, as one kind of error with a stable code.

/** @typedef {"gateway" | "provider" | "page"} Source Who says no: Keystead, the provider, or this page. */

/**
 * @typedef {object} Facts
 * @property {number} [status] The HTTP status, or 0 where there was no answer.
 * @property {boolean} [retryable] Whether the same call may succeed later.
 * @property {number} [retryAfter] In how many seconds, where that is known.
 * @property {string} [requestId] What the operator finds the call under.
 * @property {Source} [source]
 * @property {unknown} [cause]
 */

/** A call that came to nothing, or broke off. */
export class KeysteadError extends Error {
  status = 0;
  retryable = false;
  /** @type {number | undefined} */
  retryAfter;
  /** @type {string | undefined} */
  requestId;
  /** @type {Source} */
  source = "page";

  /**
   * @param {string} code A stable word, such as `rate_limited`; docs/reference/errors.md lists Keystead's own.
   * @param {string} message
   * @param {Facts} [facts]
   */
  constructor(code, message, facts) {
    super(message);
    this.name = "KeysteadError";
    this.code = code;
    Object.assign(this, facts);
  }
}

/** @param {Response} response */
export const requestIdOf = (response) =>
  response.headers.get("x-keystead-request-id") ?? undefined;

/**
 * An error as the gateway tells it.
 *
 * @param {{ code?: string, message?: string, retryable?: boolean, retry_after?: number, request_id?: string }} said
 * @param {Facts} facts What else is known of it.
 */
export const told = ({ code, message, retryable, retry_after: retryAfter }, facts) =>
  new KeysteadError(code ?? "failed", message ?? "", { retryAfter, ...facts, retryable });

/**
 * The error of an answer that is not a success.
 *
 * @param {Response} response
 */
export async function refusal(response) {
  const { headers, status } = response;
  const body = await response.json().catch(() => undefined);
  const wait = Number(headers.get("retry-after") ?? NaN);
  return told({
    code: headers.get("x-keystead-error") ?? `status_${status}`,
    message: `status ${status}`,
    retryable: status >= 500 || status === 429,
    retry_after: wait >= 0 ? wait : undefined,
    ...body?.error,
  }, {
    status,
    requestId: requestIdOf(response),
    source: headers.get("x-keystead-source") === "gateway" ? "gateway" : "provider",
  });
}
