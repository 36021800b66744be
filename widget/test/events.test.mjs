import assert from "node:assert/strict";
import { test } from "node:test";

import { eventReader, eventsOf } from "../src/events.js";

const STREAM = ": alive\n\nevent: delta\ndata: {\"text\":\"é ✓\"}\n\nevent: done\r\ndata: {}\r\n\r\nid: 7\n\ndata: last\n\n";
const EVENTS = [
  { name: "delta", data: "{\"text\":\"é ✓\"}" },
  { name: "done", data: "{}" },
  { name: "", data: "last" },
];

test("events are the same however the bytes are cut", async () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let size = 1; size <= bytes.length; size += 1) {
    const body = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const found = [];
    for await (const event of eventsOf(body)) found.push(event);
    assert.deepEqual(found, EVENTS, `pieces of ${size}`);
  }
});

test("an event that is not whole is none", () => {
  const read = eventReader();
  assert.deepEqual(read("event: delta\ndata: {}\n"), []);
  assert.deepEqual(read("\n"), [{ name: "delta", data: "{}" }]);
});

test("whoever stops listening cancels the body", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n")),
    cancel: () => { cancelled = true; },
  });
  for await (const event of eventsOf(body)) {
    assert.equal(event.data, "1");
    break;
  }
  assert.equal(cancelled, true);
});
