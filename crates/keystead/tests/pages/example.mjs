// An example's page: ask, and the answer comes; what is not of its own page gets no token.
import assert from "node:assert/strict";

import { WAYS, wrongs } from "./access.mjs";
import { run } from "./browser.mjs";

await run(async (visit, { origin, prompt }) => {
  const page = await visit.person();
  await page.goto("/");
  await page.getByRole("textbox").fill(prompt);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Sealed").waitFor();
  const found = [];
  for (const way of WAYS) found.push(...(await wrongs(page, way)));
  assert.deepEqual(found, []);
  const refused = await fetch(`${origin}/token`, { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(refused.status, 403);
});
