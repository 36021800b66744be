// What is said to people, in their language.
import languages from "./languages/index.js";

/** @typedef {typeof import("./languages/en.js").default} Catalogue */
/** @typedef {keyof Catalogue} Phrase */

const DAY = 86_400;

/** One language, with its numbers and times. */
export class Words {
  #catalogue;

  /** @param {string} wanted A language tag, as in `lang`; English stands in for what there is not. */
  constructor(wanted) {
    const short = wanted.toLowerCase().split(/[-_]/)[0] ?? "";
    const known = Object.hasOwn(languages, short) ? /** @type {keyof typeof languages} */ (short) : "en";
    this.#catalogue = languages[known];
    /** What numbers and times are written in: the wanted region, if the words are in its language. */
    this.language = known === short && /^[a-z]+(-\w+)*$/i.test(wanted) ? wanted : known;
    this.dir = this.#catalogue.dir;
  }

  /**
   * @param {Phrase} phrase
   * @param {Record<string, string>} [filled]
   */
  say(phrase, filled = {}) {
    return this.#catalogue[phrase].replace(/\{(\w+)\}/g, (whole, name) => filled[name] ?? whole);
  }

  /** What is counted, if there is a word for it. @param {string} what */
  counted(what) {
    return /** @type {Record<string, string>} */ (this.#catalogue)[what] ?? what;
  }

  /** @param {number} value @param {Intl.NumberFormatOptions} [options] */
  number(value, options) {
    return value.toLocaleString(this.language, options);
  }

  /** How long a wait is: `12 seconds`. @param {number} seconds */
  wait(seconds) {
    return this.number(seconds, { style: "unit", unit: "second", unitDisplay: "long" });
  }

  /** When something is, from now: the hour, or the day. @param {number} seconds */
  when(seconds) {
    const date = new Date(Date.now() + seconds * 1_000);
    return date.toLocaleString(this.language, seconds < DAY
      ? { weekday: "short", hour: "numeric", minute: "2-digit" }
      : { day: "numeric", month: "long" });
  }

  /** The name of a language: `German` for `de`. @param {string} tag */
  nameOf(tag) {
    try {
      return new Intl.DisplayNames(this.language, { type: "language" }).of(tag) ?? tag;
    } catch {
      return tag;
    }
  }
}
