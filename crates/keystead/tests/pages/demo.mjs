// The sample page of `keystead demo`, used as a newcomer uses it, and the console behind it.
import assert from "node:assert/strict";

import { WAYS, wrongs } from "./access.mjs";
import { DESKTOP, PHONE, run } from "./browser.mjs";
import { arrive, signIn } from "./console.mjs";

await run(async (visit, { console: address, email, password, screens }) => {
  const page = await visit.person();
  await page.goto("/");
  const addon = (id) => page.locator(`#${id}`);
  const press = (id, name) => addon(id).getByRole("button", { name, exact: true }).click();
  const says = (id, text) => addon(id).getByText(text).waitFor();
  await page.getByText("This is a demo.").waitFor();

  await press("write", "Make it warmer");
  await says("write", "and a person will read it the same day.");
  await press("write", "Use in the letter");
  assert.match(await page.getByLabel("The letter").inputValue(), /folded by hand/);

  await press("translate", "Translate");
  await says("translate", "Ihr Brief verlässt morgen früh unsere Werkstatt.");

  await press("picture", "Create");
  await press("picture", "Put on the letterhead");
  const drawn = await page.locator("#letterhead").evaluate(async (image) => {
    await image.decode();
    return image.naturalWidth;
  });
  assert.equal(drawn, 384);

  await press("describe", "Describe");
  await says("describe", "A white lighthouse");
  await press("describe", "Use as its text");
  assert.match(await page.locator("#letterhead").getAttribute("alt"), /lighthouse/);

  const found = [];
  for (const way of WAYS) found.push(...(await wrongs(page, way)));
  assert.deepEqual(found, []);
  if (screens) {
    for (const [name, size] of [["desktop", DESKTOP], ["phone", PHONE]]) {
      for (const theme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: theme });
        await page.setViewportSize(size);
        await page.screenshot({ path: `${screens}/demo-${name}-${theme}.png`, fullPage: true });
      }
    }
    await page.setViewportSize(DESKTOP);
  }

  // The other side, by one link.
  await page.getByRole("link", { name: "Open the console, as the developer" }).click();
  await arrive(page, "Overview");
  assert.equal(page.url(), address);
  await page.getByRole("link", { name: "Requests", exact: true }).click();
  await arrive(page, "Requests");
  for (const handle of ["chat", "translate", "picture", "describe"]) {
    assert.ok(await page.getByRole("cell", { name: handle }).count(), `a call of ${handle} is listed`);
  }

  // And by hand.
  const other = await visit.person({ baseURL: new URL(address).origin });
  await signIn(other, { email, password });
  await arrive(other, "Overview");
});
