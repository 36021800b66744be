// A first account by passkey alone, and signing in with it; a device that is not the owner's gets
// nobody in.
import assert from "node:assert/strict";

import { authenticator, run } from "./browser.mjs";
import { arrive, signOut } from "./console.mjs";

await run(async (visit, { link, owner }) => {
  const page = await visit.person();
  const device = await authenticator(page);
  await page.goto(link);
  await arrive(page, "The first account");
  await page.getByLabel("Organization").fill("Northwind Letters");
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByRole("button", { name: "Continue with a passkey" }).click();
  await arrive(page, "Overview");
  const [credential, ...more] = await device.credentials();
  assert.deepEqual(more, []);
  assert.equal(credential.rpId, "localhost");
  assert.ok(credential.isResidentCredential, "it can't be found without a name");

  // Whoever has no passkey at hand is told, and can try again.
  await device.forget();
  await signOut(page);
  const button = page.getByRole("button", { name: "Sign in with a passkey" });
  await button.click();
  await page.getByText("Nothing was chosen").waitFor();
  await device.give(credential);
  await button.click();
  await arrive(page, "Overview");
  const [used] = await device.credentials();
  assert.ok(used.signCount > credential.signCount, "the device was not asked");

  const stranger = await visit.person();
  await authenticator(stranger);
  await stranger.goto("/console/sign-in");
  await stranger.getByRole("button", { name: "Sign in with a passkey" }).click();
  await stranger.getByText("Nothing was chosen").waitFor();
});
