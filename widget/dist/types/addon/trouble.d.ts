export type Trouble = "rate-limited" | "budget-out" | "provider-down" | "offline" | "session-expired" | "not-connected" | "key-invalid" | "origin-not-allowed" | "unavailable" | "refused" | "unusable" | "broke-off" | "failed";
export type Phrase = import("../words.js").Phrase;
/**
 * The state that an error leads to.
 *
 * @param {{ code: string, status: number }} error
 * @returns {Trouble}
 */
export declare function troubleOf({ code, status }: {
    code: string;
    status: number;
}): Trouble;
/** What it is. @param {Trouble} trouble */
export declare const nameOf: (trouble: Trouble) => "broke-off" | "budget-out" | "failed" | "key-invalid" | "not-connected" | "offline" | "provider-down" | "rate-limited" | "refused" | "session-expired" | "unavailable" | "unusable";
/** What to do next, where it is not to wait. @param {Trouble} trouble */
export declare const nextOf: (trouble: Trouble) => Phrase;
/** Whether a button to try again makes sense. @param {Trouble} trouble */
export declare const isPassing: (trouble: Trouble) => boolean;
/** Whether those who run the page have to do something, so that their console should tell. @param {Trouble} trouble */
export declare const isForDevelopers: (trouble: Trouble) => boolean;
