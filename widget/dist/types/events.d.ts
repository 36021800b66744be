export type ServerEvent = {
    name: string;
    data: string;
};
/**
 * @typedef {object} ServerEvent
 * @property {string} name
 * @property {string} data
 */
/**
 * A reader of `text/event-stream` that is fed text in any pieces and gives back the events that are whole.
 * Comments, which keep a connection alive, and fields that it does not know are passed over.
 *
 * @returns {(text: string) => ServerEvent[]}
 */
export declare function eventReader(): (text: string) => ServerEvent[];
/**
 * The events of a body, each as soon as it is whole. Whoever stops listening cancels the body, and with it
 * the call.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerEvent, void, void>}
 */
export declare function eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void, void>;
