// A page of the server under test, and a fault before its eyes where one is asked for.
import { run } from "./browser.mjs";

await run(async (visit, { fault }) => {
  const page = await visit.person();
  await page.goto("/console");
  if (fault === "console") {
    const logged = page.waitForEvent("console");
    await page.evaluate(() => console.error("provoked"));
    await logged;
  }
  return "seen";
});
