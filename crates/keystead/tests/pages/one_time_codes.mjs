// A second factor: enrolled from the account's page, asked for after the password, each code and
// each recovery code taken once.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, follow, press, setUp, signIn, signOut } from "./console.mjs";
import { code } from "./totp.mjs";

await run(async (visit, told) => {
  const { owner, scripts } = told;
  const page = await visit.person({ scripts });
  await setUp(page, told);

  await page.goto("/console/account");
  await follow(page, "Set up one-time codes");
  const secret = visit.plant("totp_secret", await page.locator("#totp-secret").innerText());
  await page.getByLabel("Six digits that it shows now").fill("000000");
  await press(page, "Turn on");
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("#totp-secret").innerText(), secret, "another secret is shown");
  const first = code(secret);
  await page.getByLabel("Six digits that it shows now").fill(first);
  await press(page, "Turn on");
  const codes = (await page.locator("#recovery-codes").innerText()).trim().split(/\s+/);
  assert.equal(codes.length, 10);
  for (const one of codes) visit.plant("recovery_code", one);
  await follow(page, "I have stored them");
  await page.getByText("10 of 10 recovery codes are left").waitFor();

  const answer = async (text) => {
    await page.getByLabel("Six digits from your authenticator").fill(text);
    await press(page, "Continue");
  };
  await signOut(page);
  await signIn(page, owner);
  await arrive(page, "Your code");
  await answer(first);
  await page.getByRole("alert").waitFor();
  // The next step's code is taken as well: clocks differ.
  await answer(code(secret, 1));
  await arrive(page, "Overview");

  await signOut(page);
  await signIn(page, owner);
  await answer(codes[3]);
  await arrive(page, "Overview");
  await page.goto("/console/account");
  await page.getByText("9 of 10 recovery codes are left").waitFor();
  await signOut(page);
  await signIn(page, owner);
  await answer(codes[3]);
  await page.getByRole("alert").waitFor();
  await answer(codes[4]);
  await arrive(page, "Overview");
});
