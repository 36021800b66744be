// An invitation: made by an owner, opened in another browser, which then sees the console with the role
// that was given. One that was withdrawn lets nobody in.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, follow, isRefused, press, setUp, signIn, signOut } from "./console.mjs";

await run(async (visit, told) => {
  const { owner, other, third, scripts } = told;
  const page = await visit.person({ scripts });
  await setUp(page, told);

  const invite = async ({ email }, role) => {
    await page.goto("/console/members");
    await follow(page, "Invite someone");
    await page.getByLabel("E-mail address").fill(email);
    await page.getByLabel(role, { exact: true }).check();
    await press(page, "Make the link");
    await arrive(page, "The link of the invitation");
    const link = await page.locator("#secret").innerText();
    visit.plant("invitation", new URL(link).hash.slice(1));
    await follow(page, "I have stored it");
    await arrive(page, "Open invitations");
    await page.getByRole("cell", { name: email, exact: true }).waitFor();
    return link;
  };
  const open = async (guest, link) => {
    await guest.goto(link);
    if (!scripts) {
      await guest.getByLabel("The link's token").fill(new URL(link).hash.slice(1));
      await press(guest, "Continue");
    }
  };

  const link = await invite(other, "developer");
  const guest = await visit.person({ scripts });
  await open(guest, link);
  await arrive(guest, "Join Northwind Letters");
  await guest.getByText("to be a developer there").waitFor();
  assert.ok(!guest.url().includes("ksl1_"), "the token stays in the address");
  await guest.getByLabel("Password", { exact: true }).fill("password");
  await press(guest, "Continue with the password");
  await guest.getByRole("alert").waitFor();
  await guest.getByLabel("Password", { exact: true }).fill(other.password);
  await press(guest, "Continue with the password");
  await arrive(guest, "Overview");
  await guest.getByText("Developer, Northwind Letters").waitFor();
  assert.equal(await guest.getByRole("link", { name: "Members" }).count(), 0);
  await isRefused(guest, "/console/members", 403);
  await guest.goto("/console/applications/new");
  await arrive(guest, "New application");
  await signOut(guest);
  await signIn(guest, other);
  await arrive(guest, "Overview");

  // The link is used up, and who came by it is a member.
  const late = await visit.person({ scripts });
  await open(late, link);
  await late.getByText("ask for another").first().waitFor();
  await page.goto("/console/members");
  await page.getByRole("cell", { name: other.email, exact: true }).waitFor();

  const withdrawn = await invite(third, "auditor");
  await press(page, `Withdraw the invitation of ${third.email}`);
  await page.getByText("No open invitation").waitFor();
  const refused = await visit.person({ scripts });
  await open(refused, withdrawn);
  await refused.getByText("ask for another").first().waitFor();
});
