// People of other roles look at every page of the list: what they may not change has no button, what
// they may not see has no link, and an auditor sees everything.
import assert from "node:assert/strict";

import { run } from "./browser.mjs";
import { deadOf, linksOf } from "./console.mjs";

/** Pages on which something of one's own is changed, whatever the role, or a file is asked for. */
const OWN = /^\/(oauth\/authorize|connect\/|console\/(account|api-tokens|step-up|audit\/export))/;

await run(async (visit, { pages, ids, roles }) => {
  const found = [];
  const refused = {};
  for (const [role, session] of Object.entries(roles)) {
    const page = await visit.person();
    await page.context().addCookies([{ name: "keystead", value: session, url: visit.origin }]);
    const links = new Set();
    refused[role] = [];
    for (const { name, route, path = route, who = "owner", status = 200 } of pages) {
      if (who !== "owner") continue;
      const answer = await page.goto(path.replaceAll(/\{(\w+)\}/g, (_, id) => ids[id]));
      if (answer.status() === 403) {
        refused[role].push(name);
        continue;
      }
      if (answer.status() !== status) found.push(`${role}: ${path} answers ${answer.status()}`);
      for (const link of await linksOf(page)) links.add(link);
      const { pathname } = new URL(page.url());
      if (role === "auditor" && !OWN.test(pathname)) {
        const forms = await page.locator("main form[method=post] button").allInnerTexts();
        if (forms.length > 0) found.push(`${role}: ${path} has the buttons ${forms}`);
      }
    }
    found.push(...(await deadOf(page, links)).map((dead) => `${role}: ${dead}`));
    assert.ok(links.size > 20, `${role} found ${links.size} links`);
  }
  if (found.length > 0) throw new Error(`${found.length} things are wrong\n${found.join("\n")}`);
  return refused;
});
