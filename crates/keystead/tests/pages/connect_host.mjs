// A host's users connect keys of their own: one who has none, one whose free allowance runs out, one who
// is sent a stranger's link, and one who is asked again because the text changed.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { wrongs, WAYS } from "./access.mjs";
import { DESKTOP, PHONE, Visit, run } from "./browser.mjs";

const STYLE = `:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 0; padding: 12px; } main { max-width: 640px; margin: auto; display: grid; gap: 20px; }`;

await run(async (visit, { origin, application, port, keys, unknown, uids, prompt, texts, api_token: apiToken, screens }) => {
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
    await picture(page, name);
  };
  const picture = async (page, name) => {
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
    await Promise.all([
      page.waitForEvent("domcontentloaded"),
      page.getByRole("button", { name: /^(Check and connect|Save)$/ }).click(),
    ]);
  };
  const arrives = (page, title) => page.getByRole("heading", { level: 1, name: title }).waitFor();
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
      await arrives(page, "Letterbox asks to use your OpenAI key");
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
      await page.locator("keystead-connect").getByText(keys[0].slice(-4)).waitFor();
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

    async "a key is seen to by the way that it came"() {
      const page = await visitor(uids[0], "own");
      const manage = async () => {
        await page.locator("keystead-connect").getByRole("button", { name: "Manage" }).click();
        await arrives(page, "Your OpenAI key at Letterbox");
      };
      await manage();
      // What it was used for is written a moment later.
      const used = page.getByRole("heading", { name: /^Your key now/ }).locator("..");
      await until(async () => {
        await page.reload();
        return (await used.innerText()).includes("1 call,");
      });
      await page.getByText("Latest calls").click();
      await page.getByRole("cell", { name: "answered" }).waitFor();
      await page.getByText("What you agreed to").click();
      await page.getByRole("cell", { name: /^Keystead’s/ }).waitFor();
      await look(page, "manage-all");
      await page.getByRole("button", { name: "Check", exact: true }).click();
      await page.getByText("Checked with the provider.").waitFor();
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByText("It rests: Letterbox may not use it.").waitFor();
      await look(page, "manage-paused");
      await page.getByRole("button", { name: "Not now" }).click();
      await page.waitForURL(/\/own$/);
      await page.locator("keystead-connect").getByText("paused").first().waitFor();
      // It goes on, within other limits, and with the same key.
      await manage();
      await page.getByLabel("Requests a month").fill("500");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await arrives(page, "Your limits are noted");
      await page.getByText("500 requests a month").waitFor();
      await look(page, "done-limits");
      await goBack(page);
      assert.deepEqual(confirmed.at(-1), { uid: uids[0], isOwnState: true, http: 200, error: undefined });
      await page.locator("keystead-connect").getByText("is connected").waitFor();
    },

    async "it works without scripts, is never framed, and asks a provider five times"() {
      const page = await people.person({ scripts: false });
      await page.context().addCookies([{ name: "uid", value: uids[3], url: own }]);
      const open = async () => page.goto((await server.link(uids[3], "own")).connect_url);
      const answer = await open();
      assert.equal(new URL(page.url()).pathname, "/connect/key");
      const headers = await answer.allHeaders();
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["referrer-policy"], "same-origin");
      assert.equal(headers["x-frame-options"], "DENY");
      assert.match(headers["content-security-policy"], /frame-ancestors 'none'/);
      assert.match(headers["content-security-policy"], /default-src 'none'/);
      for (let asked = 1; asked <= 5; asked += 1) {
        await enter(page, unknown);
        await page.locator("#key-error").getByText("Not stored: the provider does not know it.").waitFor();
        assert.equal(await page.locator("#key").inputValue(), "");
        if (asked === 3) await page.getByText("OpenAI can be asked 2 more times with this link.").waitFor();
      }
      await enter(page, keys[3]);
      await page.getByText("The provider was asked five times").waitFor();
      await picture(page, "asked-five-times");
      await page.getByRole("button", { name: "Not now" }).click();
      await page.waitForURL(/\/own$/);
      assert.equal(confirmed.at(-1).http, 0, "there was nothing to confirm");

      await open();
      await enter(page, keys[3]);
      await sealed(page);
      await page.goBack();
      assert.equal(await page.locator("#key").inputValue(), "", "the browser keeps it nowhere");
      await page.goForward();
      await goBack(page);
      assert.deepEqual(confirmed.at(-1), { uid: uids[3], isOwnState: true, http: 200, error: undefined });

      // A page that shows ours within itself shows nothing.
      const thief = await visitor(uids[3], "own");
      const told = thief.waitForEvent("console");
      await thief.evaluate((src) => {
        const frame = document.createElement("iframe");
        [frame.src, frame.title] = [src, "theirs"];
        document.body.append(frame);
      }, `${origin}/connect/key`);
      assert.match((await told).text(), /fram/i);
      visit.expect(/fram/i);
    },

    async "a new version of the text is asked for again"() {
      const page = await visitor(uids[0], "own");
      const connect = page.locator("keystead-connect");
      await connect.getByRole("button", { name: "Manage" }).click();
      await arrives(page, "Your OpenAI key at Letterbox");
      // Agreed to before, so nothing is asked.
      assert.equal(await page.locator("#consent").count(), 0);
      await look(page, "manage");
      const headers = { authorization: `Bearer ${apiToken}`, "content-type": "application/json" };
      const body = JSON.stringify({ texts: { en: "Now **another** text." } });
      const written = await fetch(texts, { method: "POST", headers, body });
      assert.equal(written.status, 201);
      await page.reload();
      await page.getByText("another", { exact: true }).waitFor();
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

/** Waits until it is so. */
async function until(isSo) {
  for (const ends = Date.now() + 60_000; !(await isSo()); ) {
    if (Date.now() > ends) throw new Error("it never came to be so");
    await new Promise((over) => setTimeout(over, 300));
  }
}

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
