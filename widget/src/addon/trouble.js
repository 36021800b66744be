// What an error means to the person in front of the page: a state of the AddOn, and the next step.

/**
 * @typedef {"rate-limited" | "budget-out" | "provider-down" | "offline" | "session-expired" | "not-connected"
 *   | "key-invalid" | "origin-not-allowed" | "unavailable" | "refused" | "unusable" | "broke-off" | "failed"} Trouble
 */

/** The states; for each, the next step and what the codes begin with that say more than their status. */
const TROUBLES = [
  "budget-out connect free_tier_used",
  "budget-out tell budget_exhausted",
  "rate-limited kept provider_rate provider_pause",
  "provider-down kept unreachable provider_",
  "offline kept offline",
  "session-expired sign-in unauthenticated token_failed",
  "key-invalid connect user_key_refused",
  "not-connected connect user_key",
  "key-invalid tell key_rejected",
  "origin-not-allowed tell origin_not_allowed address_not_allowed",
  "refused change content_refused",
  "unusable change not_an_image",
  "broke-off kept broke_off",
  "unavailable tell incomplete task_not model_needed integrity",
  "failed kept",
].map((line) => line.split(" "));

/**
 * The state that an error leads to, and the next step.
 *
 * @param {{ code: string, status: number }} error
 * @returns {[Trouble, "tell" | "kept" | "sign-in" | "connect" | "change"]}
 */
export function troubleOf({ code, status }) {
  let state = "failed";
  if (status > 501) state = "provider-down";
  if ([403, 404, 421].includes(status)) state = "unavailable";
  if (status === 413) state = "unusable";
  if (status === 429) state = "rate-limited";
  const known = TROUBLES.find(([, , ...codes]) => codes.some((one) => code.startsWith(one))) ?? TROUBLES.find(([name]) => name === state);
  return /** @type {any} */ (known);
}

/** Whether those who run the page have to do something, so that their console should tell. @param {string} next */
export const isForDevelopers = (next) => next === "tell";
