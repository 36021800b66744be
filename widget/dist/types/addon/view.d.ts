export type Words = import("../words.js").Words;
export type Task = import("../client.js").Task;
export type View = ReturnType<typeof viewOf>;
export type Act = "send" | "stop" | "retry" | "clear" | "apply" | "copy" | "connect";
/**
 * The inside of an AddOn.
 *
 * @param {Task["task"] | undefined} kind `undefined` as long as it is not known.
 * @param {Words} words
 * @param {(name: string) => string | undefined} wish An attribute of the element.
 * @param {(act: Act, prompt?: string) => void} act
 */
export declare function viewOf(kind: Task["task"] | undefined, words: Words, wish: (name: string) => string | undefined, act: (act: Act, prompt?: string) => void): {
    panel: HTMLElement;
    field: import("./fields.js").Field | undefined;
    form: HTMLFormElement;
    quota: HTMLSpanElement;
    save: HTMLAnchorElement;
    send: HTMLButtonElement;
    busy: (is: boolean) => void;
    following: (add: () => void) => void;
    fresh: () => void;
    clear: () => void;
    clearTrouble: () => void;
    /** Whether there is an answer that something can be done with. @param {boolean} is */
    answered(is: boolean): void;
    /** The answer is on the clipboard. */
    copied(): void;
    /** Says something to those who listen, and to nobody else. @param {string} text */
    announce(text: string): void;
    /** A new turn, with what was said where it is not seen elsewhere. @param {string} text */
    turn(text: string): {
        turn: HTMLDivElement;
        node: Text;
        waiting: HTMLParagraphElement;
    };
    /** @param {import("./element.js").Suggestion[]} all */
    suggest(all: import("./element.js").Suggestion[]): void;
    /**
     * Says what is in the way and what comes next.
     *
     * @param {ReturnType<typeof import("./trouble.js").troubleOf>} trouble
     * @param {{ retryAfter?: number, requestId?: string }} told
     * @param {() => void} over Called when a wait is over.
     */
    showTrouble([trouble, next]: ReturnType<typeof import("./trouble.js").troubleOf>, { retryAfter, requestId }: {
        retryAfter?: number;
        requestId?: string;
    }, over: () => void): void;
};
