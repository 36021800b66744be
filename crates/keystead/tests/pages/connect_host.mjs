// A host's users connect keys of their own: one who has none, one whose free allowance runs out, one who
// is sent a stranger's link, and one who is asked again because the text changed.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { wrongs, WAYS } from "./access.mjs";
import { DESKTOP, PHONE, Visit, run } from "./browser.mjs";

const STYLE = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 0; padding: 12px; } main { max-width: 640px; margin: auto; display: grid; gap: 20px; }`;

await run(async (visit, { origin, application, port, keys, uids, prompt, texts, api_token: apiToken, screens }) => {
  const own = `http://localhost:${port}`;
  const basic = `Basic ${Buffer.from(`${application.client_id}:${application.secret}`).toString("base64")}`;
  const ask = async (path, body) => {
    const headers = { authorization: basic, "content-type": "application/json" };
    const answer = await fetch(`${origin}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { ...(await answer.json()), http: answer.status };
  };
  /** Whose session a browser has, by its cookie; what was confirmed, in order. */
  const confirmed = [];
  const states = new Map();
  const server = await host(port, {
    page: (handle) => `<keystead-addon id="addon" client-id="${application.client_id}" handle="${handle}" base-url="${origin}"></keystead-addon>
      <keystead-connect id="connect" client-id="${application.client_id}" handle="${handle}" base-url="${origin}"></keystead-connect>`,
    origin,
    async token(uid) {
      const body = new URLSearchParams({ grant_type: "client_credentials", uid });
      const answer = await fetch(`${origin}/oauth/token`, { method: "POST", headers: { authorization: basic }, body });
      const said = await answer.json();
      visit.plant("access_token", said.access_token);
      return said;
    },
    async link(uid, handle) {
      const state = crypto.randomUUID();
      states.set(state, uid);
      const said = await ask("/connect/links", { uid, handle, return_to: `${own}/back`, state });
      assert.equal(said.http, 200, JSON.stringify(said.error));
      visit.plant("connect_link", said.connect_url.split("/").at(-1));
      return said;
    },
    async back(uid, query) {
      const code = query.get("code");
      if (code) visit.plant("code", code);
      assert.deepEqual([...query.keys()].filter((name) => !["code", "state"].includes(name)), [], "nothing but a status");
      // The state is another's where somebody opened a stranger's link: a careful host stops here. This one
      // asks all the same, so that it is seen what Keystead says.
      const { http, error } = code ? await ask("/connect/confirm", { code, uid }) : { http: 0 };
      confirmed.push({ uid, isOwnState: states.get(query.get("state")) === uid, http, error });
    },
  });
  const people = new Visit(visit.browser, { origin: own, others: [origin] });
  Object.defineProperty(people, "faults", { get: () => visit.faults, set: (faults) => { visit.faults = faults; } });

  const found = [];
  /** Looks at a page in every way, and takes its picture where pictures are wanted. */
  const look = async (page, name) => {
    for (const way of WAYS) found.push(...(await wrongs(page, way)));
    if (!screens) return;
    for (const size of [DESKTOP, PHONE]) {
      await page.setViewportSize(size);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${screens}/connect-${name}-${size.width}-${colorScheme}.png`, fullPage: true, animations: "disabled" });
      }
    }
  };
  const comesTo = (page, state) => page.waitForFunction((wanted) => document.getElementById("addon")?.state === wanted, state);
  const visitor = async (uid, handle, state = "idle") => {
    const page = await people.person();
    await page.context().addCookies([{ name: "uid", value: uid, url: own }]);
    if (handle) {
      await page.goto(`/${handle}`);
      await comesTo(page, state);
    }
    return page;
  };
  const send = async (page) => {
    const addon = page.locator("keystead-addon");
    await addon.getByRole("textbox").fill(prompt);
    await addon.getByRole("button", { name: "Send" }).click();
    return addon;
  };
  const answered = async (page) => {
    await send(page);
    await page.locator("keystead-addon").getByText("Sealed keys stay sealed.").waitFor();
  };
  /** On Keystead's page: what people do there. */
  const enter = async (page, key, { agree = true } = {}) => {
    await page.locator("#key").fill(key);
    // Whoever agreed once is not asked again, though their first key was refused.
    const box = page.getByLabel("I have read this, and agree to it");
    if (agree && (await box.count()) > 0) await box.check();
    await page.getByRole("button", { name: "Check and connect" }).click();
  };
  const sealed = (page) => page.getByRole("heading", { level: 1, name: "Your key is sealed" }).waitFor();
  const goBack = async (page) => {
    await page.getByRole("button", { name: /^Back to localhost/ }).click();
    await page.waitForURL(/\/own$|\/first$/);
  };

  const stories = {
    async "a key is missing, then connected, then used"() {
      // Told before anything is typed, with the way to it.
      const page = await visitor(uids[0], "own", "not-connected");
      await page.locator("keystead-connect").getByText("No key of yours is connected.").waitFor();
      const addon = page.locator("keystead-addon");
      await addon.getByText("This needs your own key.").waitFor();
      await look(page, "addon-missing");
      await addon.getByRole("button", { name: "Connect your own key" }).click();
      await page.getByRole("heading", { level: 1, name: "Letterbox asks to use your OpenAI key" }).waitFor();
      assert.equal(new URL(page.url()).pathname, "/connect/key", "the link is out of the address");
      assert.equal(await page.getByLabel("I have read this, and agree to it").isChecked(), false);
      const field = page.locator("#key");
      for (const [name, value] of [["type", "password"], ["autocomplete", "new-password"], ["spellcheck", "false"]]) {
        assert.equal(await field.getAttribute(name), value);
      }
      await look(page, "entry");
      // What is wrong is said in words, and the key does not come back.
      await page.getByRole("button", { name: "Check and connect" }).click();
      await page.getByText("Enter the key").first().waitFor();
      await look(page, "entry-wrong");
      await enter(page, "sk-admin-0123456789abcdefghijklmnop");
      await page.locator("#key-error").getByText("administrator's key").waitFor().catch(async () => {
        throw new Error(await page.locator("main").innerText());
      });
      assert.equal(await field.inputValue(), "");
      await enter(page, `  Bearer ${keys[0]} `);
      await sealed(page);
      await page.getByText("OpenAI takes this key.").waitFor();
      await look(page, "done");
      await goBack(page);
      assert.deepEqual(confirmed.at(-1), { uid: uids[0], isOwnState: true, http: 200, error: undefined });
      await page.locator("keystead-connect").getByText("is connected").waitFor();
      assert.match(await page.locator("keystead-connect").innerText(), new RegExp(keys[0].slice(-4)));
      await look(page, "connected");
      await answered(page);
    },

    async "what is free runs out, a key is connected, and it goes on"() {
      const page = await visitor(uids[1], "first");
      await answered(page);
      const addon = await send(page);
      await addon.getByText("The allowance is used up.").waitFor();
      await look(page, "addon-free-tier");
      await addon.getByRole("button", { name: "Connect your own key" }).click();
      await enter(page, keys[1]);
      await sealed(page);
      await goBack(page);
      await page.goto("/first");
      await comesTo(page, "idle");
      await answered(page);
    },

    async "a stranger's link captures nothing"() {
      // Somebody asks for a link in their own name, and sends it to another, who believes it.
      const { connect_url: link } = await server.link(uids[2], "own");
      const victim = await visitor(uids[0]);
      await victim.goto(link);
      await enter(victim, keys[2]);
      await sealed(victim);
      await goBack(victim);
      const { isOwnState, http } = confirmed.at(-1);
      assert.equal(isOwnState, false);
      assert.equal(http, 400);
      // The stranger has nothing, and the link is of no use any more.
      const stranger = await visitor(uids[2], "own", "not-connected");
      await stranger.locator("keystead-addon").getByText("This needs your own key.").waitFor();
      await stranger.goto(link);
      await stranger.getByRole("heading", { level: 1, name: "This link is over" }).waitFor();
      await look(stranger, "over");
    },

    async "a new version of the text is asked for again"() {
      const page = await visitor(uids[0], "own");
      const connect = page.locator("keystead-connect");
      await connect.getByRole("button", { name: "Manage" }).click();
      await page.getByRole("heading", { level: 1, name: "Letterbox asks to use your OpenAI key" }).waitFor();
      // Agreed to before, so nothing is asked.
      assert.equal(await page.locator("#consent").count(), 0);
      await look(page, "manage");
      const headers = { authorization: `Bearer ${apiToken}`, "content-type": "application/json" };
      const body = JSON.stringify({ texts: { en: "Now **another** text." } });
      const written = await fetch(texts, { method: "POST", headers, body });
      assert.equal(written.status, 201);
      await page.reload();
      await page.getByText("another").waitFor();
      await enter(page, keys[0], { agree: false });
      await page.getByText("Tick this, if you agree").first().waitFor();
      await page.getByRole("button", { name: "Not now" }).click();
      await page.waitForURL(/\/own$/);
      await page.getByRole("button", { name: "Manage" }).click();
      await page.getByRole("button", { name: "Withdraw, and destroy this key here" }).click();
      await page.getByText("Your key now").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Not now" }).click();
      await page.waitForURL(/\/own$/);
      await comesTo(page, "not-connected");
      await page.locator("keystead-addon").getByText("This needs your own key.").waitFor();
    },
  };
  for (const [name, story] of Object.entries(stories)) {
    await story().catch((error) => {
      throw new Error(`${name}: ${error.stack}`);
    });
  }
  await server.close();
  if (found.length > 0) throw new Error(`${found.length} things are wrong\n${found.join("\n")}`);
  return { stories: Object.keys(stories).length };
});

/** The host application: its pages, and a backend that knows its users by a cookie. */
async function host(port, { page, origin, token, link, back }) {
  const script = `
    const handle = location.pathname.slice(1);
    const post = async (path) => (await fetch(path, { method: "POST" })).json();
    const [addon, connect] = [document.getElementById("addon"), document.getElementById("connect")];
    addon.getToken = connect.getToken = () => post("/token");
    addon.getConnectUrl = connect.getConnectUrl = async () => (await post("/connect?" + handle)).connect_url;`;
  const server = createServer(async (request, response) => {
    const { pathname, search, searchParams } = new URL(request.url, "http://host");
    const uid = /uid=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    const send = (type, text, headers = {}) => response.writeHead(200, { "content-type": type, "cache-control": "no-store", ...headers }).end(text);
    try {
      if (pathname === "/token") return send("application/json", JSON.stringify(await token(uid)));
      if (pathname === "/connect") return send("application/json", JSON.stringify(await link(uid, search.slice(1))));
      if (pathname === "/host.js") return send("text/javascript", script);
      if (pathname === "/host.css") return send("text/css", STYLE);
      if (pathname === "/back") {
        await back(uid, searchParams);
        return response.writeHead(303, { location: "/own" }).end();
      }
      const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Letterbox</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/host.css">
        <script type="module" src="${origin}/widget/v1.js" crossorigin="anonymous"></script>
        <script type="module" src="${origin}/widget/connect-v1.js" crossorigin="anonymous"></script>
        <script type="module" src="/host.js"></script></head><body><main><h1>Letterbox</h1>${page(pathname.slice(1))}</main></body></html>`;
      return send("text/html; charset=utf-8", html);
    } catch (error) {
      console.error(error);
      return response.writeHead(500).end();
    }
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  return {
    link,
    close: () => new Promise((closed) => {
      server.closeAllConnections();
      server.close(closed);
    }),
  };
}
