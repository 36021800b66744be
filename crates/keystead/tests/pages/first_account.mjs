// From the link that the start printed to the overview; the link works once, and nothing is there
// afterwards. With scripts and without.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, isRefused, press, setUp, signIn, signOut } from "./console.mjs";

await run(async (visit, told) => {
  const { link, owner, scripts } = told;
  const page = await visit.person({ scripts });

  // Until then nobody can sign in, and the page says what to do instead.
  await page.goto("/console");
  await page.getByText("There is no account yet").waitFor();
  await page.goto("/setup");
  await page.getByLabel("The link's token").fill("ksl1_notthis");
  await press(page, "Continue");
  await page.getByRole("alert").waitFor();

  await setUp(page, told);
  assert.ok(!page.url().includes("ksl1_"), "the token stays in the address");
  assert.ok(!(await page.content()).includes(new URL(link).hash.slice(1)), "the page holds the token");

  const stranger = await visit.person({ scripts });
  await isRefused(stranger, link, 404);
  await stranger.goto("/console/applications?sort=name");
  await arrive(stranger, "Sign in");

  await signOut(page);
  await signIn(page, owner);
  await arrive(page, "Overview");
});
