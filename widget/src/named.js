// A language as it lies in the built file: its phrases alone, in the order of the English ones.
import english from "./languages/en.js";

/**
 * @param {string} phrases With bars between them.
 * @returns {import("./words.js").Catalogue}
 */
export function named(phrases) {
  const all = phrases.split("|");
  return /** @type {any} */ (Object.fromEntries(Object.keys(english).map((name, at) => [name, all[at]])));
}
