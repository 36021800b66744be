// Somebody with an account: an application asks for a key, gets leave to use it, another application gets the
// same; it is taken back from the first, and then destroyed.
import assert from "node:assert/strict";

import { wrongs, WAYS } from "./access.mjs";
import { DESKTOP, PHONE, run } from "./browser.mjs";
import { arrive, press, proveAgain } from "./console.mjs";

await run(async (visit, { origin, owner, sites, key, other, prompt, texts, api_token: apiToken, screens }) => {
  const page = await visit.person();
  const found = [];
  const look = async (name) => {
    for (const way of WAYS) found.push(...(await wrongs(page, way)));
    if (!screens) return;
    for (const size of [DESKTOP, PHONE]) {
      await page.setViewportSize(size);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${screens}/connect-${name}-${size.width}-${colorScheme}.png`, fullPage: true, animations: "disabled" });
      }
    }
    await page.setViewportSize(DESKTOP);
  };
  const [first, second] = sites;
  const field = page.getByLabel("What can I do for you?");
  const send = async () => {
    await field.fill(prompt);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const answered = async () => {
    await send();
    await page.getByText("The answer is ready.").waitFor();
    assert.equal(await page.locator("#answer").innerText(), "Sealed keys stay sealed.");
  };
  const enter = async (site) => {
    await page.goto(`${site.origin}/`);
    await page.getByRole("button", { name: "Sign in with Keystead" }).click();
  };
  const allow = async (site) => {
    await page.getByLabel("I have read this, and agree to it").check();
    await page.getByRole("button", { name: "Allow", exact: true }).click();
    await field.waitFor();
    assert.equal(page.url(), `${site.origin}/`);
  };

  // The first application wants a key, so the question asks for one.
  await enter(first);
  await arrive(page, "Sign in");
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(page, "Sign in");
  await arrive(page, "Letterbox asks to use AI for you");
  await look("authorize-new");
  await press(page, "Allow");
  await page.getByText("Enter the key").first().waitFor();
  await look("authorize-wrong");
  await page.locator("#key-openai").fill(key);
  await allow(first);
  await answered();

  // The second is given the same key.
  await enter(second);
  await arrive(page, "Atlas asks to use AI for you");
  await look("authorize-known");
  await allow(second);
  await answered();

  await page.goto(`${origin}/connect/keys`);
  await arrive(page, "My keys");
  assert.match(await page.locator("main").innerText(), /Letterbox, Atlas|Atlas, Letterbox/);
  await look("keys");
  await page.getByRole("link", { name: "OpenAI", exact: true }).click();
  await arrive(page, "OpenAI");
  await look("key");
  await page.getByRole("link", { name: "Limits of Letterbox" }).click();
  await page.getByLabel("Requests a month").fill("50");
  await look("limits");
  await press(page, "Save");
  await page.getByText("50 requests a month").waitFor();

  // Paused, it is refused in words; then it goes on.
  await press(page, "Pause Atlas");
  await enter(second);
  await arrive(page, "Atlas asks to use AI for you");
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await field.waitFor();
  await send();
  await page.getByText("Your key is paused.").waitFor();
  await page.goto(`${origin}/connect/keys`);
  await page.getByRole("link", { name: "OpenAI", exact: true }).click();
  await press(page, "Let Atlas go on");

  // Taken back from the first, it goes on at the second.
  await press(page, "Withdraw from Letterbox");
  assert.equal(await page.getByRole("link", { name: "Limits of Letterbox" }).count(), 0);
  await enter(second);
  await arrive(page, "Atlas asks to use AI for you");
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await field.waitFor();
  await answered();
  await enter(first);
  await arrive(page, "Letterbox asks to use AI for you");
  assert.equal(await page.locator("#consent").count(), 0, "agreed to before");
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await field.waitFor();
  await answered();

  // Destroyed while its page is open: the next prompt is refused in words, with the way to another.
  const elsewhere = await page.context().newPage();
  await elsewhere.goto(`${origin}/connect/keys`);
  await elsewhere.getByRole("link", { name: "OpenAI", exact: true }).click();
  await elsewhere.getByRole("link", { name: "Delete", exact: true }).click();
  if (await elsewhere.getByRole("heading", { name: "Show again who you are" }).isVisible()) await proveAgain(elsewhere, owner);
  await elsewhere.getByLabel("Type this to go on").fill("OpenAI");
  await press(elsewhere, "Delete the key");
  await arrive(elsewhere, "My keys");
  await send();
  await page.getByText("This needs a key of your own.").waitFor();
  await look("spa-missing");
  await page.getByRole("button", { name: "Connect your own key" }).click();
  await arrive(page, "Letterbox asks to use AI for you");
  await page.goto(`${origin}/console/account`);
  await page.getByText("What you agreed to").first().waitFor();

  // The application writes another text: who has agreed to the one before is asked again, once.
  await enter(second);
  await arrive(page, "Atlas asks to use AI for you");
  assert.equal(await page.locator("#consent").count(), 0);
  const headers = { authorization: `Bearer ${apiToken}`, "content-type": "application/json" };
  const body = JSON.stringify({ texts: { en: "Now **another** text." } });
  assert.equal((await fetch(texts, { method: "POST", headers, body })).status, 201);
  await page.reload();
  await page.getByText("another", { exact: true }).waitFor();
  assert.equal(await page.getByLabel("I have read this, and agree to it").isChecked(), false);
  await look("authorize-again");
  await page.locator("#key-openai").fill(other);
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  await page.getByText("Tick this, if you agree").first().waitFor();
  await page.locator("#key-openai").fill(other);
  await allow(second);
  await answered();
  await page.goto(`${origin}/connect/keys`);
  const agreed = page.getByRole("region", { name: "Texts that you agreed to" });
  assert.match(await agreed.innerText(), /Version 1/);
  await look("keys-agreed");

  // The same without scripts.
  const plain = await visit.person({ scripts: false });
  const asked = new URLSearchParams({
    response_type: "code", client_id: first.client, redirect_uri: `${first.origin}/`, state: "x", prompt: "consent",
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
  });
  await plain.goto(`${origin}/oauth/authorize?${asked}`);
  await arrive(plain, "Sign in");
  await plain.getByLabel("E-mail address").fill(owner.email);
  await plain.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(plain, "Sign in");
  await arrive(plain, "Letterbox asks to use AI for you");
  await plain.getByLabel(/^OpenAI ••••/).check();
  await plain.getByRole("button", { name: "Allow", exact: true }).click();
  await plain.waitForURL((url) => url.origin === first.origin);
  visit.plant("code", new URL(plain.url()).searchParams.get("code"));
  await plain.goto(`${origin}/connect/keys`);
  await plain.getByRole("link", { name: "OpenAI", exact: true }).click();
  await arrive(plain, "OpenAI");
  await press(plain, "Withdraw from Letterbox");
  await plain.getByText("Withdrawn. That application may not use the key any more.").waitFor();
  if (found.length > 0) throw new Error(`${found.length} things are wrong\n${found.join("\n")}`);
});
