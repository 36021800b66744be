// What is left of the limits that hold for this person, in a line. The gateway tells; a page can't.

/** @typedef {import("../client.js").Limit} Limit */
/** @typedef {import("../words.js").Words} Words */

/** From here on, in seconds, a limit is one to plan by; what is renewed sooner is told when little is left. */
const LONG = 90;

/** What counts as little. */
const LITTLE = 0.25;

/**
 * The limit that ends first, in words; empty if there is nothing to tell.
 *
 * @param {Limit[]} limits
 * @param {Words} words
 */
export function quotaOf(limits, words) {
  const share = (/** @type {Limit} */ one) => one.remaining / one.limit;
  const telling = limits.filter((one) => one.limit > 0 && (one.reset_s > LONG || share(one) <= LITTLE));
  const [tightest] = telling.sort((a, b) => share(a) - share(b));
  if (!tightest) return "";
  const { what, limit, remaining, reset_s: reset } = tightest;
  const left = words.say("left", { what: words.counted(what), n: words.number(remaining), limit: words.number(limit) });
  return reset > LONG ? `${left} · ${words.say("renewed", { when: words.when(reset) })}` : left;
}
