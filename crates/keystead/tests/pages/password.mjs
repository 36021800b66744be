// Signing in by password: where one was going, what a wrong one is told, and that nobody learns
// from it who has an account.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, press, setUp, signOut } from "./console.mjs";

await run(async (visit, told) => {
  const { owner, other, scripts } = told;
  const page = await visit.person({ scripts });
  await setUp(page, told);
  await signOut(page);

  const attempt = async ({ email }, password) => {
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await press(page, "Sign in");
  };
  await page.goto("/console/applications?sort=name");
  const said = [];
  for (const whose of [owner, other]) {
    await attempt(whose, "not the password");
    await arrive(page, "Sign in");
    said.push((await page.getByRole("alert").first().innerText()).trim());
    assert.equal(await page.getByLabel("E-mail address").inputValue(), whose.email);
    assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  }
  assert.equal(said[0], said[1], "the answer tells who has an account");

  await attempt(owner, owner.password);
  await arrive(page, "Applications");
  assert.equal(new URL(page.url()).search, "?sort=name");
});
