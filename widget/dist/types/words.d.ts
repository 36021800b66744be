export type Catalogue = typeof import("./languages/en.js").default;
export type Phrase = keyof Catalogue;
/** One language, with its numbers and times. */
export declare class Words {
    #private;
    /** What numbers and times are written in: the wanted region, if the words are in its language. */
    language: string;
    dir: string;
    /** @param {string} wanted A language tag, as in `lang`; English stands in for what there is not. */
    constructor(wanted: string);
    /**
     * @param {Phrase} phrase
     * @param {Record<string, string>} [filled]
     */
    say(phrase: Phrase, filled?: Record<string, string>): string;
    /** What is counted, if there is a word for it. @param {string} what */
    counted(what: string): string;
    /** @param {number} value @param {Intl.NumberFormatOptions} [options] */
    number(value: number, options?: Intl.NumberFormatOptions): string;
    /** How long a wait is: `12 seconds`. @param {number} seconds */
    wait(seconds: number): string;
    /** When something is, from now: the hour, or the day. @param {number} seconds */
    when(seconds: number): string;
    /** The name of a language: `German` for `de`. @param {string} tag */
    nameOf(tag: string): string;
}
