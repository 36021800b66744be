// What people do again and again at the console, as they do it.
import assert from "node:assert/strict";

/** Makes the first account by its link, with a password. Without scripts the token is typed. */
export async function setUp(page, { link, owner, scripts = true }) {
  await page.goto(link);
  if (!scripts) {
    await page.getByLabel("The link's token").fill(new URL(link).hash.slice(1));
    await press(page, "Continue");
  }
  await page.getByRole("heading", { name: "The first account" }).waitFor();
  await page.getByLabel("Organization").fill("Northwind Letters");
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(page, "Continue with the password");
  await arrive(page, "Overview");
}

/** Signs in by password, from wherever the page is. */
export async function signIn(page, { email, password }) {
  await page.goto("/console/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await press(page, "Sign in");
}

export async function signOut(page) {
  await press(page, "Sign out");
  await arrive(page, "Sign in");
}

/** Presses the button of this name, which sends a form, and waits for the page that follows. */
export async function press(page, name, within = page) {
  await Promise.all([
    page.waitForEvent("domcontentloaded"),
    within.getByRole("button", { name, exact: true }).click(),
  ]);
}

/** Follows the link of this name. */
export async function follow(page, name, within = page) {
  await Promise.all([
    page.waitForEvent("domcontentloaded"),
    within.getByRole("link", { name, exact: true }).click(),
  ]);
}

/** The page is now the one with this title. */
export async function arrive(page, title) {
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
}

/** The page says no with this status; pages are asked for by address, as others would try it. */
export async function isRefused(page, path, status) {
  const answer = await page.goto(path);
  assert.equal(answer.status(), status, path);
}

/** Shows again who one is, where the page asks for it. */
export async function proveAgain(page, { password }) {
  await arrive(page, "Show again who you are");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await press(page, "Continue");
}

/** Makes an application; its Client ID and Client Secret, which are shown this once. */
export async function createApplication(page, name, visit) {
  await page.goto("/console/applications/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await press(page, "Create application");
  const secret = visit.plant("client_secret", await page.locator("#secret").innerText());
  const id = await page.locator("dd code").first().innerText();
  await follow(page, "I have stored it");
  await arrive(page, name);
  return { id, secret };
}

/** Where the page leads within the console, as paths. */
export async function linksOf(page) {
  const { origin } = new URL(page.url());
  const all = await page.locator("a[href]").evaluateAll((links) => links.map((link) => link.href));
  const ours = all.map((link) => new URL(link)).filter((link) => link.origin === origin);
  return ours.map(({ pathname, search }) => pathname + search);
}

/** Which of these lead nowhere, for whoever is signed in on the page: no place to send people. */
export async function deadOf(page, links) {
  const dead = [];
  for (const link of links) {
    const answer = await page.request.get(link, { maxRedirects: 0 });
    if (answer.status() >= 400) dead.push(`a link leads to ${link}: ${answer.status()}`);
  }
  return dead;
}
