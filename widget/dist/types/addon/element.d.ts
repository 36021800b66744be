export type Message = import("../client.js").Message;
export type Task = import("../client.js").Task;
export type About = import("../client.js").About;
export type Answer = import("../client.js").Answer;
export type GetToken = import("../client.js").Settings["getToken"];
export type Trouble = import("./trouble.js").Trouble;
export type State = "connecting" | "idle" | "waiting" | "streaming" | "stopped" | "done" | Trouble;
export type Suggestion = string | {
    label: string;
    prompt: string;
};
/** On a server that draws pages there are no elements; the class can be imported there all the same. */
declare const Base: typeof HTMLElement;
/** One AddOn in a page. What it is, its gateway tells; that it may be called, a token of the page's backend. */
export declare class KeysteadAddOn extends Base {
    #private;
    /** @type {string} Text of the page that a prompt is about; it is sent along. */
    context: string;
    /** @type {string} What the provider is told beforehand, in an AddOn for text. */
    instructions: string;
    /** @type {(() => string | Promise<string>) | undefined} Where this user connects a key of their own: a link that the page's backend asks for. */
    getConnectUrl: (() => string | Promise<string>) | undefined;
    static observedAttributes: string[];
    constructor();
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {Event} event */
    handleEvent(event: Event): void;
    attributeChangedCallback(): void;
    /** Asks the page's backend for an access token: gives it, or the answer of `/oauth/token` as it is. */
    get getToken(): ((wanted: {
        clientId: string;
        handle: string;
    }) => import("../client.js").Token | Promise<import("../client.js").Token>) | undefined;
    set getToken(ask: ((wanted: {
        clientId: string;
        handle: string;
    }) => import("../client.js").Token | Promise<import("../client.js").Token>) | undefined);
    /** What stands in the field. */
    get value(): string;
    set value(text: string);
    /** What was said so far, in an AddOn for text. */
    get messages(): import("../client.js").Message[];
    set messages(messages: import("../client.js").Message[]);
    /** Prompts to begin with, as buttons. */
    get suggestions(): Suggestion[];
    set suggestions(suggestions: Suggestion[]);
    /** The picture to describe, where the page has it already. @param {Blob | undefined} picture */
    set image(picture: Blob | undefined);
    /** What goes on; style sheets ask with `:state(NAME)`. */
    get state(): State;
    /** What the gateway tells of this AddOn, and of what is left of its limits. */
    get about(): import("../client.js").About | undefined;
    /** Sends what stands in the field, or another text. @param {string} [text] */
    send(text?: string): Promise<void>;
    /** Ends the answer that is coming; what came stays. */
    stop(): void;
    /** Asks once more. */
    retry(): Promise<void>;
    /** Forgets what was said. */
    clear(): void;
    /** Leaves for the page where people connect a key of their own. */
    connect(): Promise<void>;
    /** @param {FocusOptions} [options] */
    focus(options?: FocusOptions): void;
    /** Ends all that goes on, and takes the element off the page. */
    destroy(): void;
}
export {};
