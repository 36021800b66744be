export type GetToken = import("../client.js").Settings["getToken"];
export type State = "connecting" | "none" | "connected" | "paused" | "ended" | "refused" | "failed";
export type Connection = {
    /**
     * Whether there is a key that the application may use.
     */
    connected: boolean;
    provider?: string;
    last4?: string;
    /**
     * How the key's last check ended.
     */
    status?: string;
    paused?: boolean;
    ends_at?: string;
};
/** On a server that draws pages there are no elements; the class can be imported there all the same. */
declare const Base: typeof HTMLElement;
/** The connection of one user's own key with one application. */
export declare class KeysteadConnect extends Base {
    #private;
    /** @type {(() => string | Promise<string>) | undefined} Where this user connects a key: a link that the page's backend asks for. */
    getConnectUrl: (() => string | Promise<string>) | undefined;
    static observedAttributes: string[];
    constructor();
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** Back from the page where keys are connected: what was known may be over. @param {Event} event */
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
    /** What goes on; style sheets ask with `:state(NAME)`. */
    get state(): State;
    /** What the gateway tells of the key. */
    get connection(): Connection | undefined;
    /** Asks anew whether a key is connected. */
    refresh(): Promise<void>;
    /** Leaves for the page where people connect and manage a key of their own. */
    connect(): Promise<void>;
}
export {};
