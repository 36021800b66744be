// The AddOn and a real server: every kind of task, every limit, a token that is revoked; and the official
// SDKs in the page, with the client's `fetch`.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { run } from "../browser.mjs";
import { host, until, visitors } from "./scene.mjs";

await run(async (visit, { origin, port, application, modules, picture, words }) => {
  const tokens = [];
  const oauth = (path, fields) => fetch(`${origin}/oauth/${path}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${application.client_id}:${application.secret}`)}` },
    body: new URLSearchParams(fields),
  });
  const give = async () => {
    const answer = await oauth("token", { grant_type: "client_credentials", uid: "user-4711" });
    const given = await answer.json();
    tokens.push(visit.plant("access_token", given.access_token));
    return given;
  };
  const { src, integrity } = await (await fetch(`${origin}/widget/v1.json`)).json();
  // The configured address is not the one that the test's server listens at.
  const own = await host({ url: origin, integrity, give, port });
  const people = visitors(visit, own, origin);
  const element = (handle, more = "") =>
    `<keystead-addon id="${handle}" client-id="${application.client_id}" handle="${handle}" base-url="${origin}" ${more}></keystead-addon>`;
  const widget = `${origin}${new URL(src).pathname}`;
  const open = async (path, handles, state = "idle") => {
    const page = await people.person();
    await page.goto(own.page(path, handles.map((handle) => element(handle)).join(""), { src: widget }));
    for (const handle of handles) await until(page, handle, state);
    return page;
  };
  const ask = async (page, handle, text, state) => {
    await page.locator(`#${handle} textarea`).fill(text);
    await page.locator(`#${handle} .send`).click();
    await until(page, handle, state);
  };
  const answer = (page, handle) => page.locator(`#${handle} .answer`).last().textContent();
  const alert = (page, handle) => page.locator(`#${handle} [role=alert]`).innerText();

  // Each kind, as its own provider does it.
  const page = await open("/kinds", ["chat", "translate", "draw", "describe"]);
  await ask(page, "chat", "Say hello", "done");
  assert.equal(await answer(page, "chat"), words);
  await ask(page, "translate", "Good morning", "done");
  assert.ok((await answer(page, "translate")).length > 0);
  await ask(page, "draw", "A letterbox", "done");
  assert.equal(await page.locator("#draw .output img").evaluate((img) => img.decode().then(() => img.naturalWidth)), 1);
  const buffer = Buffer.from(picture, "base64");
  await page.locator("#describe input[type=file]").setInputFiles({ name: "p.png", mimeType: "image/png", buffer });
  await page.locator("#describe .send").click();
  await until(page, "describe", "done");
  assert.ok((await answer(page, "describe")).length > 0);
  const usage = await page.evaluate(() => heard.find(([name, id]) => name === "done" && id === "chat")[2].usage);
  assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0, JSON.stringify(usage));

  // A token that is revoked in the middle of a conversation.
  const before = tokens.length;
  for (const token of tokens) assert.equal((await oauth("revoke", { token })).status, 200);
  await ask(page, "chat", "Still there?", "waiting");
  await until(page, "chat", "done");
  assert.equal(await page.locator("#chat .answer").count(), 2);
  assert.equal(tokens.length, before + 1);

  // What comes is shown before the rest of it is there; Esc reaches the provider.
  const held = await open("/held", ["held"]);
  await ask(held, "held", "Slowly", "streaming");
  await held.locator(".answer", { hasText: /^Sealed$/ }).waitFor();
  await held.keyboard.press("Escape");
  await until(held, "held", "stopped");

  // What is in the way, in words.
  const limits = await open("/limits", ["few", "spent", "down", "rejected", "refusing"]);
  await ask(limits, "few", "One", "done");
  await limits.locator("#few").getByText("Requests left: 0 of 1").waitFor();
  await ask(limits, "few", "Two", "rate-limited");
  assert.match(await alert(limits, "few"), /^That was a little too fast\.\s+Renewed .+\.$/);
  await ask(limits, "spent", "Anything", "budget-out");
  assert.match(await alert(limits, "spent"), /^The allowance is used up\.\s+Renewed .+\.$/);
  await ask(limits, "down", "Anything", "provider-down");
  assert.match(await alert(limits, "down"), /^The AI service does not answer\./);
  await ask(limits, "rejected", "Anything", "key-invalid");
  await ask(limits, "refusing", "Anything", "refused");
  assert.equal(await limits.locator("#refusing textarea").inputValue(), "Anything");
  const told = await limits.evaluate(() => heard.filter(([name]) => name === "error").map(([, id, detail]) => [id, detail]));
  for (const [id, { code, requestId }] of told) assert.match(requestId, /^req_/, `${id}: ${code}`);
  const scopes = await limits.evaluate(() => heard.filter(([name]) => name === "limit").map(([, , { scope }]) => scope));
  assert.equal(scopes[0], "user");
  // Only now has all been heard of it.
  await limits.context().close();
  people.expect(/^status 5\d\d/);

  await open("/disabled", ["disabled"], "unavailable");
  // The same page under an address that the application does not list.
  const elsewhere = await people.person();
  people.others.push(`http://127.0.0.1:${port}`);
  await elsewhere.goto(`http://127.0.0.1:${port}${own.page("/elsewhere", element("chat"), { src: widget })}`);
  await until(elsewhere, "chat", "origin-not-allowed");
  await elsewhere.context().close();
  people.expect(/CORS|ERR_FAILED/);

  // The official SDKs, bundled as a host would.
  own.file("/sdks.js", "text/javascript", await bundle(modules, { origin, client_id: application.client_id }));
  const sdks = await people.person();
  await sdks.goto(own.page("/sdks", "", { src: widget, more: `<script type="module" src="/sdks.js"></script>` }));
  await sdks.waitForFunction(() => globalThis.sdks);
  const asked = await sdks.evaluate(async () => [await sdks.openai(), await sdks.anthropic(), await sdks.refused(), minted]);
  assert.deepEqual(asked.slice(0, 2), [words, words]);
  assert.deepEqual(asked[2], [true, 403]);
  assert.equal(asked[3], 2, "one token an AddOn");
  await own.close();
});

/** As a host would. */
async function bundle({ sdks, widget }, { origin, client_id: clientId }) {
  const esbuild = createRequire(`${widget}/`)("esbuild");
  const { outputFiles } = await esbuild.build({
    stdin: { contents: script(), resolveDir: sdks },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    nodePaths: [sdks],
    external: [`${origin}/*`],
    define: { WIDGET: JSON.stringify(`${origin}/widget/v1.js`), ORIGIN: JSON.stringify(origin), CLIENT_ID: JSON.stringify(clientId) },
  });
  return outputFiles[0].text;
}

/** A page's own script, which gives each SDK the proxy's address and the client's `fetch`. */
function script() {
  return `
    import Anthropic from "@anthropic-ai/sdk";
    import OpenAI from "openai";

    const { KeysteadClient } = await import(WIDGET);
    const client = (handle) => new KeysteadClient({ clientId: CLIENT_ID, handle, baseUrl: ORIGIN, getToken: mint });
    const chat = client("chat");
    const openai = new OpenAI({ baseURL: chat.proxyUrl + "/v1", apiKey: "none", fetch: chat.fetch, dangerouslyAllowBrowser: true });
    const letters = client("letters");
    const anthropic = new Anthropic({ baseURL: letters.proxyUrl, apiKey: "none", fetch: letters.fetch, dangerouslyAllowBrowser: true });
    const messages = [{ role: "user", content: "Say hello." }];

    globalThis.sdks = {
      async openai() {
        let text = "";
        const stream = await openai.chat.completions.create({ model: "gpt-6-luna", messages, stream: true });
        for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
        return text;
      },
      async anthropic() {
        let text = "";
        const stream = anthropic.messages.stream({ model: "claude-haiku-5-5", max_tokens: 64, messages });
        stream.on("text", (piece) => { text += piece; });
        await stream.finalMessage();
        return text;
      },
      async refused() {
        const call = openai.chat.completions.create({ model: "gpt-6-sun", messages });
        return call.catch((error) => [error instanceof OpenAI.PermissionDeniedError, error.status]);
      },
    };
  `;
}
