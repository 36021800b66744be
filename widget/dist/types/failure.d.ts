export type Source = "gateway" | "provider" | "page";
export type Facts = {
    /**
     * The HTTP status, or 0 where there was no answer.
     */
    status?: number;
    /**
     * Whether the same call may succeed later.
     */
    retryable?: boolean;
    /**
     * In how many seconds, where that is known.
     */
    retryAfter?: number;
    /**
     * What the operator finds the call under.
     */
    requestId?: string;
    source?: Source;
    cause?: unknown;
};
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
export declare class KeysteadError extends Error {
    code: string;
    status: number;
    retryable: boolean;
    /** @type {number | undefined} */
    retryAfter: number | undefined;
    /** @type {string | undefined} */
    requestId: string | undefined;
    /** @type {Source} */
    source: Source;
    /**
     * @param {string} code A stable word, such as `rate_limited`; docs/reference/errors.md lists Keystead's own.
     * @param {string} message
     * @param {Facts} [facts]
     */
    constructor(code: string, message: string, facts?: Facts);
}
/** @param {Response} response */
export declare const requestIdOf: (response: Response) => string | undefined;
/**
 * An error as the gateway tells it.
 *
 * @param {{ code?: string, message?: string, retryable?: boolean, retry_after?: number, request_id?: string }} said
 * @param {Facts} facts What else is known of it.
 */
export declare const told: ({ code, message, retryable, retry_after: retryAfter }: {
    code?: string;
    message?: string;
    retryable?: boolean;
    retry_after?: number;
    request_id?: string;
}, facts: Facts) => KeysteadError;
/**
 * The error of an answer that is not a success.
 *
 * @param {Response} response
 */
export declare function refusal(response: Response): Promise<KeysteadError>;
