// An application on another site asks a person to let it act for them; the person says no, then yes,
// and takes it back. What the browser keeps from a page of another site, only a browser shows.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";

import { wrongs, WAYS } from "./access.mjs";
import { run } from "./browser.mjs";
import { arrive, press, signOut } from "./console.mjs";

await run(async (visit, { owner, client, elsewhere, addon, scripts }) => {
  const page = await visit.person({ scripts });
  const verifier = visit.plant("verifier", randomBytes(32).toString("base64url"));
  const state = randomBytes(8).toString("hex");

  /** Leaves the application's page by a link, as people do. */
  const leave = async (more = {}) => {
    const parameters = new URLSearchParams({
      response_type: "code", client_id: client, redirect_uri: `${elsewhere}/back`, state,
      scope: "addon:writing", code_challenge_method: "S256",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"), ...more,
    });
    const link = `<a href="${visit.origin}/oauth/authorize?${parameters}">Go</a>`;
    const leaving = async (route) =>
      route.fulfill({ contentType: "text/html", body: `<title>Letterbox</title><h1>Letterbox</h1>${link}` });
    await page.route(`${elsewhere}/`, leaving);
    await page.goto(`${elsewhere}/`);
    await page.getByRole("link", { name: "Go" }).click();
  };
  /** Back at the application, with what it was told. */
  const returned = async () => {
    await page.waitForURL(`${elsewhere}/back?**`);
    const told = new URL(page.url()).searchParams;
    assert.equal(told.get("state"), state);
    assert.ok(told.get("iss").startsWith("http"), "it says who answers");
    return told;
  };

  // Nobody is signed in: over the sign-in page to the question.
  await leave();
  await arrive(page, "Sign in");
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(page, "Sign in");
  await arrive(page, "Letterbox asks to use AI for you");
  assert.match(await page.locator("main").innerText(), /one AddOn: writing/);
  if (scripts) {
    for (const way of WAYS) assert.deepEqual(await wrongs(page, way), []);
  }
  await page.getByRole("button", { name: "Not now" }).click();
  assert.equal((await returned()).get("error"), "access_denied");

  // Signed in, and yet the first request comes without the cookie: it is asked for again by a page.
  await leave();
  await arrive(page, "Letterbox asks to use AI for you");
  await page.getByRole("button", { name: "Allow", exact: true }).click();
  const code = visit.plant("code", (await returned()).get("code"));

  const form = { grant_type: "authorization_code", client_id: client, code_verifier: verifier,
    redirect_uri: `${elsewhere}/back`, code };
  if (scripts) {
    // The page at the other site asks for the token itself, and calls with it.
    const minted = await page.evaluate(async ([place, form]) => {
      const body = new URLSearchParams(form);
      const answer = await fetch(`${place}/oauth/token`, { method: "POST", body });
      return answer.json();
    }, [visit.origin, form]);
    visit.plant("access_token", minted.access_token);
    visit.plant("refresh_token", minted.refresh_token);
    assert.equal(minted.scope, "addon:writing");
    const status = await page.evaluate(async ([place, token]) => {
      const answer = await fetch(place, { headers: { authorization: `Bearer ${token}` } });
      return answer.status;
    }, [`${visit.origin}${addon}/v1/models`, minted.access_token]);
    assert.equal(status, 200);
  }

  await page.goto("/console/account");
  assert.match(await page.locator("#grants").innerText(), /Letterbox/);
  await press(page, "Withdraw Letterbox");
  await page.getByText("That application acts for you no more").waitFor();
  assert.equal(await page.locator("#grants").count(), 0);

  // What can't be asked leads nowhere.
  await leave({ redirect_uri: "https://evil.example/" });
  await arrive(page, "This can’t be asked");
  await page.goto("/console");
  await signOut(page);
  visit.expect(/^foreign request: http:\/\/127\.0\.0\.1:/);
});
