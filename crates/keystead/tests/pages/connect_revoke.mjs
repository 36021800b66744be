// Somebody with an account, while their key is at work in two applications: it is replaced and the call that runs
// ends as it would have; it is taken back from one and that one's call is cut, and nothing happens in the other.
// Whoever stole what the other one was given has nothing of it, and ends it by trying.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, press, proveAgain } from "./console.mjs";

await run(async (visit, { origin, owner, sites, key, next, release, prompt }) => {
  const keys = await visit.person();
  const prove = async () => {
    if (await keys.getByRole("heading", { name: "Show again who you are" }).isVisible()) await proveAgain(keys, owner);
  };
  await keys.goto(`${origin}/connect/new?provider=openai`);
  await arrive(keys, "Sign in");
  await keys.getByLabel("E-mail address").fill(owner.email);
  await keys.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(keys, "Sign in");
  // A key that nobody asked for yet.
  await arrive(keys, "Add your OpenAI key");
  await keys.getByLabel("Name", { exact: true }).fill("For letters");
  await keys.getByLabel("API Key").fill(key);
  await press(keys, "Check and save");
  await arrive(keys, "For letters");
  await keys.getByText("Nobody may use this key.").waitFor();

  /** An application that is given the key. */
  const given = async ({ name, origin: place }) => {
    const page = await keys.context().newPage();
    await page.goto(`${place}/`);
    await page.getByRole("button", { name: "Sign in with Keystead" }).click();
    await arrive(page, `${name} asks to use AI for you`);
    assert.equal(await page.getByLabel(/^For letters/).isChecked(), true);
    await page.getByLabel("I have read this, and agree to it").check();
    await page.getByRole("button", { name: "Allow", exact: true }).click();
    await page.getByLabel("What can I do for you?").waitFor();
    return page;
  };
  const send = async (page) => {
    await page.getByLabel("What can I do for you?").fill(prompt);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const answered = async (page) => {
    await page.getByText("The answer is ready.").waitFor().catch(async () => {
      throw new Error(`no answer: ${await page.locator("main").innerText()}`);
    });
  };
  const letters = await given(sites[0]);
  // What a thief sees of the other: its code with all that was sent along, and its token.
  const stolen = {};
  keys.context().on("response", async (response) => {
    if (response.url() !== `${origin}/oauth/token`) return;
    stolen.body = response.request().postData();
    const tokens = await response.json();
    stolen.token = visit.plant("access_token", tokens.access_token);
    visit.plant("refresh_token", tokens.refresh_token);
  });
  const atlas = await given(sites[1]);

  // Replaced while a call runs with it: that one ends as it would have, and the next goes with the new one.
  await send(letters);
  await letters.locator("#answer").getByText("begun").waitFor();
  await keys.reload();
  await keys.getByRole("link", { name: "Replace", exact: true }).click();
  await prove();
  await keys.getByLabel("New API Key").fill(next);
  await press(keys, "Check and replace");
  await keys.getByText("Replaced. Calls from now on use the new key").waitFor();
  assert.match(await keys.locator("main").innerText(), new RegExp(next.slice(-4)));
  await fetch(release, { headers: { authorization: `Bearer ${next}` } });
  await answered(letters);
  assert.equal(await letters.locator("#answer").innerText(), "begun and ended");
  await send(atlas);
  await answered(atlas);

  // Both are seen, with what was used; written a moment after they end.
  const calls = keys.getByRole("region", { name: "Latest calls with this key" });
  for (const ends = Date.now() + 60_000; (await calls.getByRole("row").count()) < 3; ) {
    if (Date.now() > ends) throw new Error("the calls are not told");
    await new Promise((over) => setTimeout(over, 300));
    await keys.reload();
  }
  const text = await calls.innerText();
  assert.match(text, /Letterbox/);
  assert.match(text, /Atlas/);
  assert.match(text, /answered/);

  await press(keys, "Check");
  await keys.getByText("Checked with the provider.").waitFor();

  // Taken back while a call runs: it is cut, and the next is refused, in words; elsewhere all goes on.
  await send(letters);
  await letters.locator("#answer").getByText("begun").waitFor();
  await press(keys, "Withdraw from Letterbox");
  await letters.getByText("It was taken back while the answer came.").waitFor();
  await send(letters);
  await letters.getByText("This needs a key of your own.").waitFor();
  await letters.getByRole("button", { name: "Connect your own key" }).waitFor();
  await send(atlas);
  await answered(atlas);

  // Nobody may use it for a while.
  await press(keys, "Pause for everybody");
  await send(atlas);
  await atlas.getByText("Your key is paused.").waitFor();
  await press(keys, "Enable");
  await send(atlas);
  await answered(atlas);

  // The token is of no use to who has no key, and a code that comes twice ends all that came of it.
  const { client, handle } = sites[1];
  for (const authorization of [`Bearer ${stolen.token}`, `DPoP ${stolen.token}`]) {
    const headers = { authorization, "content-type": "application/json" };
    const body = JSON.stringify({ task: "text", input: prompt });
    const answer = await fetch(`${origin}/run/${client}/${handle}`, { method: "POST", headers, body });
    assert.equal(answer.status, 401);
  }
  await send(atlas);
  await answered(atlas);
  const code = new URLSearchParams(stolen.body);
  visit.plant("code", code.get("code"));
  const again = await fetch(`${origin}/oauth/token`, { method: "POST", body: code });
  assert.equal((await again.json()).error, "invalid_grant");
  await send(atlas);
  await atlas.getByRole("button", { name: "Sign in with Keystead" }).waitFor();
});
