// An example's page: ask, and the answer comes; what is not of its own page gets no token.
import assert from "node:assert/strict";

import { WAYS, wrongs } from "./access.mjs";
import { holds, run } from "./browser.mjs";

await run(async (visit, { origin, prompt, what }) => {
  const page = await visit.person();
  await page.goto("/");
  const addon = page.locator("keystead-addon");
  await addon.getByRole("textbox").fill(prompt);
  await addon.getByRole("button", { name: "Send" }).click();
  await addon.getByText("Sealed keys stay sealed.").waitFor();
  if (what === "react") {
    await addon.getByRole("button", { name: "Use it" }).click();
    await holds(page.getByLabel("A note"), /^Sealed keys stay sealed\.$/);
  }
  const found = [];
  for (const way of WAYS) found.push(...(await wrongs(page, way)));
  assert.deepEqual(found, []);
  const refused = await fetch(`${origin}/token`, { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(refused.status, 403);
});
