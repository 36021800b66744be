// The main job: an application, a provider key, an AddOn, an answer; then the key is rotated, AddOn
// and key are switched off, the key is deleted. With scripts and without, but for the call itself.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { arrive, createApplication, follow, press, setUp } from "./console.mjs";

await run(async (visit, told) => {
  const { key, next_key, unknown_key, scripts } = told;
  const page = await visit.person({ scripts });
  await setUp(page, told);
  await createApplication(page, "Letterbox", visit);

  // What the provider does not know is not stored, and the form comes back without the key.
  await page.goto("/console/providers");
  await follow(page, "Add provider", page.locator(".head"));
  await follow(page, "OpenAI");
  await page.getByLabel("Name", { exact: true }).fill("Writing help");
  await page.getByLabel("API Key", { exact: true }).fill(unknown_key);
  await press(page, "Check and save");
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Writing help");
  assert.equal(await page.getByLabel("API Key", { exact: true }).inputValue(), "");
  assert.ok(!(await page.content()).includes(unknown_key), "the page shows the key");

  await page.getByLabel("API Key", { exact: true }).fill(`"${key}" `);
  await press(page, "Check and save");
  await arrive(page, "Writing help");
  await page.getByText(`••••${key.slice(-4)}`).first().waitFor();
  const keyPage = new URL(page.url()).pathname;

  await page.goto("/console/addons");
  await follow(page, "Browse AddOns", page.locator(".head"));
  await follow(page, "Install Writing and chat");
  await press(page, "Continue");
  await press(page, "Install");
  await arrive(page, "ai-writing");
  const addonPage = new URL(page.url()).pathname;

  await attempt(page, told, addonPage, "Done");

  await page.goto(keyPage);
  await follow(page, "Rotate");
  await page.getByLabel("New API Key").fill(next_key);
  await page.getByLabel("Lose it at once").check();
  await press(page, "Check and rotate");
  await page.getByText(`••••${next_key.slice(-4)}`).first().waitFor();
  await attempt(page, told, addonPage, "Done");

  await page.goto(addonPage);
  await press(page, "Disable");
  await page.getByText("Every call is refused until it is enabled again.").waitFor();
  await attempt(page, told, addonPage, "Refused");
  await page.goto(addonPage);
  await press(page, "Enable");

  await page.goto(keyPage);
  await press(page, "Deactivate");
  await attempt(page, told, addonPage, "Refused");
  await page.goto(keyPage);
  await press(page, "Enable");
  await attempt(page, told, addonPage, "Done");

  // Deleting wants the name, and says what comes of it.
  await page.goto(keyPage);
  await follow(page, "Delete…");
  await page.getByText("1 AddOn uses it").waitFor();
  assert.equal(await page.locator("#confirm-hint").innerText(), "Writing help");
  await page.locator("main").getByRole("textbox").fill("Writing");
  await press(page, "Delete this key");
  await page.getByRole("alert").waitFor();
  await page.locator("main").getByRole("textbox").fill("Writing help");
  await press(page, "Delete this key");
  await arrive(page, "Providers & keys");
  await page.getByText("No provider key yet").waitFor();
});

/** A call from the page of the AddOn, streamed; without scripts the page says how else. */
async function attempt(page, { prompt, scripts }, addonPage, outcome) {
  await page.goto(`${addonPage}/try`);
  if (!scripts) {
    await page.getByText("Without scripts this page can’t make the call itself").waitFor();
    return;
  }
  await page.getByLabel("Text", { exact: true }).fill(prompt);
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("status").filter({ hasText: outcome }).waitFor();
  const said = await page.locator("#output").innerText();
  assert.equal(said, outcome === "Done" ? "Sealed keys stay sealed." : "");
  if (outcome === "Refused") await page.getByText("Keystead refused the call: 403").waitFor();
}
