// The example without a backend: somebody signs in at Keystead, asks, and the answer comes; an answer that
// the page did not ask for is not taken; what is signed out is over.
import assert from "node:assert/strict";

import { WAYS, wrongs } from "./access.mjs";
import { run } from "./browser.mjs";
import { arrive, press } from "./console.mjs";

await run(async (visit, { origin, keystead, owner, prompt }) => {
  const page = await visit.person();
  // What the page shows to the token endpoint and the proxy: a proof each, and never the same.
  const proofs = [];
  page.on("request", (request) => {
    const proof = request.headers().dpop;
    if (proof) proofs.push(proof);
  });
  await page.goto("/");
  const enter = page.getByRole("button", { name: "Sign in with Keystead" });
  await enter.click();
  await arrive(page, "Sign in");
  await page.getByLabel("E-mail address").fill(owner.email);
  await page.getByLabel("Password", { exact: true }).fill(owner.password);
  await press(page, "Sign in");
  await arrive(page, "Without a backend asks to use AI for you");
  await page.getByRole("button", { name: "Allow", exact: true }).click();

  const field = page.getByLabel("What can I do for you?");
  await field.waitFor();
  assert.equal(page.url(), `${origin}/`, "the code is out of the address");
  await field.fill(prompt);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("The answer is ready.").waitFor();
  assert.equal(await page.locator("#answer").innerText(), "Sealed keys stay sealed.");
  assert.equal(proofs.length, 2);
  assert.equal(new Set(proofs).size, 2);
  for (const way of WAYS) assert.deepEqual(await wrongs(page, way), []);

  await page.getByRole("button", { name: "Sign out" }).click();
  await enter.waitFor();
  assert.equal(await field.isVisible(), false);

  // Somebody else's answer, sent to this browser by a link.
  await page.goto(`/?code=ksl1_forged&state=forged&iss=${encodeURIComponent(keystead)}`);
  await page.getByText("It did not work: not_asked").waitFor();
  assert.equal(page.url(), `${origin}/`);
  assert.equal(await field.isVisible(), false);
});
