// What an error means to the person in front of the page: a state of the AddOn, and the next step.

/**
 * @typedef {"rate-limited" | "budget-out" | "provider-down" | "offline" | "session-expired" | "not-connected"
 *   | "key-invalid" | "origin-not-allowed" | "unavailable" | "refused" | "unusable" | "broke-off" | "failed"} Trouble
 */

/** @typedef {import("../words.js").Phrase} Phrase */

/** The states; for each, the next step and the codes that say more than their status. */
const TROUBLES = [
  "budget-out tell budget_exhausted",
  "rate-limited kept provider_rate_limited",
  "provider-down kept unreachable provider_error provider_overloaded",
  "offline kept offline",
  "session-expired sign-in unauthenticated token_failed",
  "not-connected connect user_key_missing",
  "key-invalid tell key_rejected",
  "origin-not-allowed tell origin_not_allowed address_not_allowed",
  "refused change content_refused",
  "unusable change not_an_image",
  "broke-off kept broke_off",
  "unavailable tell incomplete task_not_supported model_needed integrity_failed",
  "failed kept",
].map((line) => line.split(" "));

/**
 * The state that an error leads to.
 *
 * @param {{ code: string, status: number }} error
 * @returns {Trouble}
 */
export function troubleOf({ code, status }) {
  const known = TROUBLES.find(([, , ...codes]) => codes.includes(code));
  if (known) return /** @type {Trouble} */ (known[0]);
  if (status === 413) return "unusable";
  if (status === 429) return "rate-limited";
  if (status >= 502) return "provider-down";
  return [403, 404, 421].includes(status) ? "unavailable" : "failed";
}

/** What it is. @param {Trouble} trouble */
export const nameOf = (trouble) => (trouble === "origin-not-allowed" ? "unavailable" : trouble);

/** What to do next, where it is not to wait. @param {Trouble} trouble */
export const nextOf = (trouble) => /** @type {Phrase} */ (TROUBLES.find(([name]) => name === trouble)?.[1]);

/** Whether a button to try again makes sense. @param {Trouble} trouble */
export const isPassing = (trouble) => ["kept", "sign-in"].includes(nextOf(trouble));

/** Whether those who run the page have to do something, so that their console should tell. @param {Trouble} trouble */
export const isForDevelopers = (trouble) => ["tell", "connect"].includes(nextOf(trouble));
