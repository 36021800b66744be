export type Task = import("../client.js").Task;
export type Message = import("../client.js").Message;
/** @typedef {import("../client.js").Task} Task */
/** @typedef {import("../client.js").Message} Message */
/** A turn of a conversation; of the other kinds of AddOn, the only one. */
export declare class Turn {
    #private;
    said: string;
    task: import("../client.js").Task;
    before: import("../client.js").Message[];
    /** All the text that came. */
    text: string;
    /** @type {Blob | undefined} */
    picture: Blob | undefined;
    /** Whether it was taken off the page. */
    isGone: boolean;
    /**
     * @param {import("./view.js").View} view
     * @param {string} said What the person entered.
     * @param {Task} task What is asked for.
     * @param {Message[]} before What was said before.
     */
    constructor(view: import("./view.js").View, said: string, task: Task, before: Message[]);
    /** Whether anything came. */
    get isEmpty(): boolean;
    /** Adds text, with all that comes until the next frame: a page that draws each piece stutters. @param {string} text */
    add(text: string): void;
    /** @param {Blob} picture */
    show(picture: Blob): void;
    /** Says something in the place where the answer will be. @param {string} text */
    wait(text: string): void;
    /** No more comes; `note` says why, where that is worth a word. @param {string} [note] */
    end(note?: string): void;
    /** Takes it off the page. */
    remove(): void;
}
