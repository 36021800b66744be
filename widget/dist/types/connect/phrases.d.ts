declare const catalogues: {
    en: {
        dir: string;
        title: string;
        connecting: string;
        none: string;
        connected: string;
        paused: string;
        ended: string;
        refused: string;
        failed: string;
        until: string;
        connect: string;
        manage: string;
        retry: string;
    };
    de: {
        dir: string;
        title: string;
        connecting: string;
        none: string;
        connected: string;
        paused: string;
        ended: string;
        refused: string;
        failed: string;
        until: string;
        connect: string;
        manage: string;
        retry: string;
    };
    ar: {
        dir: string;
        title: string;
        connecting: string;
        none: string;
        connected: string;
        paused: string;
        ended: string;
        refused: string;
        failed: string;
        until: string;
        connect: string;
        manage: string;
        retry: string;
    };
};
export type Phrase = keyof typeof catalogues.en;
/** @param {string} name */
export declare const providerOf: (name: string) => string;
/**
 * The phrases of a language; English stands in for what there is not.
 *
 * @param {string} wanted A language tag, as in `lang`.
 */
export declare function phrasesOf(wanted: string): {
    language: "ar" | "de" | "en";
    dir: string;
    /** @param {Phrase} phrase @param {Record<string, string>} [filled] */
    say: (phrase: Phrase, filled?: Record<string, string>) => string;
};
export {};
