export type Task = import("../client.js").Task;
export type Words = import("../words.js").Words;
export type Wish = (name: string) => string | undefined;
export type Field = {
    /**
     * What stands in the form.
     */
    nodes: Node[];
    /**
     * What stands beside the button.
     */
    choices: Node[];
    focus: HTMLElement;
    /**
     * The text; of a picture, none.
     */
    value: string;
    isEmpty: boolean;
    /**
     * What is asked for; `undefined` where it can't be.
     */
    task: () => Promise<Task | undefined>;
    /**
     * Takes a picture, where one is wanted.
     */
    choose?: (picture: Blob | undefined) => void;
};
/**
 * @param {Task["task"]} kind
 * @param {Words} words
 * @param {Wish} wish
 * @returns {Field}
 */
export declare function fieldOf(kind: Task["task"], words: Words, wish: Wish): Field;
