// Every AddOn is tried from its page: the answer comes as text or as a picture, and the facts beside it.
import { run } from "./browser.mjs";

await run(async (visit, told) => {
  const page = await visit.person();
  const cookie = { name: "keystead", value: told.session, url: visit.origin };
  await page.context().addCookies([cookie]);
  const picture = Buffer.from(told.picture, "base64");
  const seen = [];
  for (const { name, path } of told.trials) {
    await page.goto(path);
    const file = page.locator("#picture");
    if (await file.count()) await file.setInputFiles({ name: "p.png", mimeType: "image/png", buffer: picture });
    const model = page.locator("#model");
    if (await model.count() && (await model.inputValue()) === "") await model.fill("our-deployment");
    await page.click("#send");
    await page.locator("#state", { hasText: /^(Done|Refused)$/ }).waitFor();
    seen.push({
      name,
      state: await page.textContent("#state"),
      refused: await page.textContent("#refused"),
      text: await page.textContent("#output"),
      pictures: await page.locator("#output img").evaluateAll((all) => all.map((one) => one.naturalWidth)),
      facts: await page.textContent("#facts"),
    });
  }

  // A stream is stopped in the middle, and what came stays.
  await page.goto(told.held);
  await page.click("#send");
  await page.locator("#output", { hasText: "Sealed" }).waitFor();
  await page.click("#stop");
  await page.locator("#state", { hasText: "Stopped" }).waitFor();
  const stopped = await page.textContent("#output");

  // A no is told in a sentence.
  await page.goto(told.closed);
  await page.click("#send");
  await page.locator("#refused:not([hidden])").waitFor();
  return { seen, stopped, refused: await page.textContent("#refused") };
});
