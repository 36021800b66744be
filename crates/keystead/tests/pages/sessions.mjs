// The same person in three browsers: one is signed out from another, then all at once. A cookie that
// was kept opens nothing afterwards.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, press, setUp, signIn } from "./console.mjs";

await run(async (visit, told) => {
  const { owner, scripts } = told;
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map(() => visit.person({ scripts })));
  await setUp(first, told);
  for (const page of [second, third]) {
    await signIn(page, owner);
    await arrive(page, "Overview");
  }
  const [cookie] = await second.context().cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", "scripts or other sites see the cookie");

  await first.goto("/console/account");
  const others = first.getByRole("button", { name: /^Sign out Chrom/ });
  assert.equal(await others.count(), 2);
  await Promise.all([first.waitForEvent("domcontentloaded"), others.first().click()]);
  assert.equal(await others.count(), 1);
  const open = async (page) => {
    await page.goto("/console");
    return page.getByRole("heading", { level: 1 }).innerText();
  };
  assert.deepEqual((await Promise.all([second, third].map(open))).toSorted(), ["Overview", "Sign in"]);

  await press(first, "Sign out everywhere");
  await arrive(first, "Sign in");
  for (const page of [first, second, third]) {
    await page.goto("/console/applications");
    await arrive(page, "Sign in");
  }
  await second.context().addCookies([cookie]);
  assert.equal(await open(second), "Sign in");
});
