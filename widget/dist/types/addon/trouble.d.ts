export type Trouble = "rate-limited" | "budget-out" | "provider-down" | "offline" | "session-expired" | "not-connected" | "key-invalid" | "origin-not-allowed" | "unavailable" | "refused" | "unusable" | "broke-off" | "failed";
/**
 * The state that an error leads to, and the next step.
 *
 * @param {{ code: string, status: number }} error
 * @returns {[Trouble, "tell" | "kept" | "sign-in" | "connect" | "change"]}
 */
export declare function troubleOf({ code, status }: {
    code: string;
    status: number;
}): [Trouble, "tell" | "kept" | "sign-in" | "connect" | "change"];
/** Whether those who run the page have to do something, so that their console should tell. @param {string} next */
export declare const isForDevelopers: (next: string) => next is "tell";
