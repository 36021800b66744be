// Looks at every page of the list in every way, follows what it links to, and takes its picture
// where pictures are wanted.
import { WAYS, wrongs } from "./access.mjs";
import { DESKTOP, PHONE, run } from "./browser.mjs";
import { deadOf, linksOf, signIn } from "./console.mjs";

/** A4 upright, without its margins, in CSS pixels. */
const PAPER = { width: 680, height: 1009 };

await run(async (visit, { pages, ids, owner, screens }) => {
  // The traveller is the owner in another browser, who goes to another organization.
  const [nobody, traveller] = [await visit.person(), await visit.person()];
  const people = { owner: await visit.person(), nobody, traveller };
  for (const page of [people.owner, traveller]) await signIn(page, owner);
  const found = [];
  const links = new Set();
  for (const { name, route, path = route, who = "owner", status = 200, steps = [], prints } of pages) {
    const page = people[who];
    const named = (text) => text.replaceAll(/\{(\w+)\}/g, (_, id) => ids[id] ?? lost(id));
    const answer = await page.goto(named(path));
    if (answer.status() !== status) found.push(`${path} answers ${answer.status()}`);
    for (const step of steps) await act(page, step.map(named));
    for (const way of WAYS) found.push(...(await wrongs(page, way)));
    if (prints) found.push(...(await onPaper(page, screens && `${screens}/${name}-paper.png`)));
    if (who === "owner") for (const link of await linksOf(page)) links.add(link);
    if (screens) await picture(page, `${screens}/${name}`);
  }
  found.push(...(await deadOf(people.owner, links)));
  if (found.length > 0) throw new Error(`${found.length} things are wrong\n${found.join("\n")}`);
  return { pages: pages.length, links: links.size };
});

/** `["fill", label, text]`, `["check", label]`, `["press", name]`. */
async function act(page, [verb, name, text]) {
  if (verb === "fill") return page.getByLabel(name, { exact: true }).fill(text);
  if (verb === "check") return page.getByLabel(name, { exact: true }).check();
  if (verb === "press") {
    const loaded = page.waitForEvent("domcontentloaded");
    await page.getByRole("button", { name, exact: true }).click();
    return loaded;
  }
  throw new Error(`nobody knows how to ${verb}`);
}

async function picture(page, start) {
  for (const size of [DESKTOP, PHONE]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const path = `${start}-${size.width}-${colorScheme}.png`;
      await page.screenshot({ path, fullPage: true, animations: "disabled" });
    }
  }
}

/** What is wrong with the page on paper: something to press, something cut off. */
async function onPaper(page, path) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize(PAPER);
  const found = [];
  for (const role of ["navigation", "button"]) {
    const shown = await page.getByRole(role).count();
    if (shown > 0) found.push(`${shown} of ${role} on the paper of ${page.url()}`);
  }
  const cut = await page.evaluate(() => [...document.querySelectorAll("main, main *")]
    .filter((part) => !part.matches(".sr, .sr *") && part.getBoundingClientRect().right > innerWidth + 1)
    .map((part) => `${part.tagName} is cut off on paper: ${part.textContent.slice(0, 60)}`));
  if (path) await page.screenshot({ path, fullPage: true });
  await page.emulateMedia({ media: null });
  return [...found, ...cut];
}

function lost(id) {
  throw new Error(`nothing on the furnished server is called ${id}`);
}
