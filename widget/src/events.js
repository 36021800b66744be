// Reads the events of an answer as they come.

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
export function eventReader() {
  let rest = "";
  let name = "";
  let data = "";

  return (text) => {
    /** @type {ServerEvent[]} */
    const found = [];
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, field, value] = /^(\w+): ?(.*?)\r?$/s.exec(line) ?? [];
      if (field === "event") name = value ?? "";
      else if (field === "data") data += value;
      else if (line.length < 2 && data) {
        found.push({ name, data });
        name = data = "";
      }
    }
    return found;
  };
}

/**
 * The events of a body, each as soon as it is whole. Whoever stops listening cancels the body, and with it
 * the call.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<ServerEvent, void, void>}
 */
export async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const read = eventReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* read(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
