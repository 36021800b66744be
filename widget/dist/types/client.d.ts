export type Token = import("./token.js").Token;
export type Settings = {
    /**
     * The application's client id.
     */
    clientId: string;
    /**
     * The AddOn's handle.
     */
    handle: string;
    /**
     * Where Keystead is, such as `https://keys.example`.
     */
    baseUrl: string | URL;
    /**
     *   Asks the page's own backend for an access token.
     */
    getToken: (wanted: {
        clientId: string;
        handle: string;
    }) => Token | Promise<Token>;
};
export type Message = {
    role: "user" | "assistant";
    content: string;
};
export type PictureType = "image/png" | "image/jpeg" | "image/webp" | "image/gif";
export type Task = {
    task: "text";
    input: string | Message[];
    instructions?: string;
    model?: string;
    max_output_tokens?: number;
} | {
    task: "translate";
    input: string;
    target: string;
    source?: string;
    model?: string;
} | {
    task: "image";
    input: string;
    shape?: "square" | "landscape" | "portrait";
    model?: string;
} | {
    task: "alt-text";
    image: {
        type: PictureType;
        data: string;
    };
    language?: string;
    model?: string;
};
export type Usage = Partial<Record<"input_tokens" | "output_tokens" | "characters" | "images", number | null>>;
export type Answer = {
    type: "start";
    requestId?: string;
} | {
    type: "delta";
    text: string;
} | {
    type: "image";
    mime: string;
    data: string;
} | {
    type: "done";
    finishReason: string;
    model?: string;
    usage: Usage;
};
export type Limit = {
    scope: string;
    what: string;
    limit: number;
    remaining: number;
    reset_s: number;
};
export type About = {
    handle: string;
    type: string;
    provider: string;
    tasks: Task["task"][];
    models: string[];
    key_source: string;
    limits?: Limit[];
};
/** One AddOn, called with short-lived tokens. It holds no key, and nothing of it outlives the page. */
export declare class KeysteadClient {
    #private;
    /** @param {Settings} settings */
    constructor({ clientId, handle, baseUrl, getToken }: Settings);
    /** The base URL for a provider's own SDK; OpenAI's wants `/v1` after it. */
    get proxyUrl(): string;
    /** Where tasks go. */
    get runUrl(): string;
    /**
     * `fetch` with an access token in the place of the provider's key, for this AddOn's addresses and no
     * others. A token that the gateway does not take is renewed once.
     *
     * @param {RequestInfo | URL} input
     * @param {RequestInit} [init]
     * @returns {Promise<Response>}
     */
    fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
    /**
     * Asks for one thing, in the same way whoever the provider is. Leaving the loop early ends the call.
     *
     * @param {Task} task
     * @param {{ signal?: AbortSignal }} [options]
     * @returns {AsyncGenerator<Answer, void, void>}
     * @throws {KeysteadError} When it is refused, or breaks off.
     */
    run(task: Task, { signal }?: {
        signal?: AbortSignal;
    }): AsyncGenerator<Answer, void, void>;
    /**
     * What the AddOn is, and what is left of its limits for this caller. Costs nothing.
     *
     * @param {{ signal?: AbortSignal }} [options]
     * @returns {Promise<About>}
     */
    about({ signal }?: {
        signal?: AbortSignal;
    }): Promise<About>;
}
