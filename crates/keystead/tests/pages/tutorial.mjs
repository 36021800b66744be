// What docs/tutorial says, step by step, by a newcomer; its pictures, where they are wanted.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { run } from "./browser.mjs";
import { arrive, follow, press } from "./console.mjs";
import { small } from "./picture.mjs";

await run(async (visit, { link, key, email, password, pictures }) => {
  const page = await visit.person();
  const picture = async (name, height = 700) => {
    if (!pictures) return;
    await page.setViewportSize({ width: 1200, height });
    // The reader's server has the usual port, and providers with public addresses.
    await page.evaluate(() => {
      for (const note of document.querySelectorAll(".note")) {
        if (note.textContent.includes("allow_private_upstreams")) note.remove();
      }
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const { data } = texts.currentNode;
        if (data.includes(location.host)) {
          texts.currentNode.data = data.replaceAll(location.host, "localhost:8420");
        }
      }
    });
    const taken = await page.screenshot({ animations: "disabled", caret: "hide" });
    writeFileSync(`${pictures}/${name}.png`, small(taken));
  };

  await page.goto(link);
  await page.getByLabel("Organization").fill("Northwind Letters");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await picture("first-account", 820);
  await press(page, "Continue with the password");
  await arrive(page, "Overview");
  await picture("first-steps");

  await follow(page, "Applications");
  await follow(page, "New application", page.locator(".head"));
  await page.getByLabel("Name", { exact: true }).fill("Letterbox");
  await press(page, "Create application");
  visit.plant("client_secret", await page.locator("#secret").innerText());
  await follow(page, "I have stored it");
  await arrive(page, "Letterbox");

  await follow(page, "Providers & keys");
  await follow(page, "Add provider", page.locator(".head"));
  await follow(page, "OpenAI");
  await page.getByLabel("Name", { exact: true }).fill("Writing help");
  await page.getByLabel("API Key", { exact: true }).fill(key);
  await picture("add-provider");
  await press(page, "Check and save");
  await arrive(page, "Writing help");

  await follow(page, "AddOns", page.getByRole("navigation"));
  await follow(page, "Browse AddOns", page.locator(".head"));
  await picture("browse-addons");
  await follow(page, "Install Writing and chat");
  await press(page, "Continue");
  await press(page, "Install");
  await arrive(page, "ai-writing");

  await follow(page, "Try it");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "Done" }).waitFor();
  assert.equal(await page.locator("#output").innerText(), "Sealed keys stay sealed.");
  await picture("try-it", 820);

  await follow(page, "Requests");
  await arrive(page, "Requests");
  // Calls are written down a moment after they ended.
  const call = page.locator("table").getByRole("link", { name: "ai-writing" });
  while (!(await call.count())) await page.reload();
  await picture("requests");
  await follow(page, "Overview", page.getByRole("navigation"));
  await arrive(page, "Overview");
  assert.equal(await page.getByRole("heading", { name: "First steps" }).count(), 0);
});
