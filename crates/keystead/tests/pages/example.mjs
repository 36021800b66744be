// An example's page: ask, and the answer comes; what is not of its own page gets no token.
import assert from "node:assert/strict";

import { WAYS, wrongs } from "./access.mjs";
import { run } from "./browser.mjs";

await run(async (visit, { origin, prompt, what }) => {
  const page = await visit.person();
  await page.goto("/");
  const addon = page.locator("keystead-addon");
  await addon.getByRole("textbox").fill(prompt);
  await addon.getByRole("button", { name: "Send" }).click();
  await addon.getByText("Sealed").waitFor();
  if (what === "react") {
    await addon.getByRole("button", { name: "Use it" }).click();
    assert.match(await page.getByLabel("A note").inputValue(), /Sealed/);
  }
  const found = [];
  for (const way of WAYS) found.push(...(await wrongs(page, way)));
  assert.deepEqual(found, []);
  const refused = await fetch(`${origin}/token`, { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(refused.status, 403);
});
