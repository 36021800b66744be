// A host application with a page of its own, under the strictest policy that a page can have, and what it
// needs for an AddOn: a backend that gives tokens.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { gateway } from "../../../../../widget/test/stand_in.mjs";
import { Visit } from "../browser.mjs";

/** What the documents tell people to allow, and nothing else. */
const policy = (gateway) => [
  "default-src 'none'", `script-src 'self' ${gateway}`, `connect-src 'self' ${gateway}`, "img-src blob:", "style-src 'self'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join("; ");

/** Every event that pages can hear, in the order it came; and the page's token. */
const SCRIPT = `
  globalThis.heard = [];
  const names = "ready submit start delta done stopped apply error limit".split(" ");
  for (const name of names) addEventListener("keystead-" + name, ({ target, detail }) => heard.push([name, target.id, detail]));
  globalThis.minted = 0;
  globalThis.mint = async () => {
    minted += 1;
    const answer = await fetch("/token", { method: "POST" });
    return answer.json();
  };
  for (const addon of document.querySelectorAll("keystead-addon")) {
    addon.getToken = mint;
    if (addon.dataset.suggestions) addon.suggestions = addon.dataset.suggestions.split("|");
  }
`;

const STYLE = `
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 0; padding: 24px; background: light-dark(#f4f6f5, #0b100f); color: light-dark(#16201d, #e8efec); }
  main { max-width: 640px; margin: auto; display: grid; gap: 20px; }
  h1 { font-size: 1.2rem; margin: 0; }
  @media (max-width: 500px) { body { padding: 12px; } }
`;

/**
 * The host, whose pages load the widget from the gateway at `url`; `give` makes the answer of its backend.
 *
 * @param {{ url: string, integrity: string, give: () => object, port?: number }} from
 */
export async function host({ url, integrity, give, port = 0 }) {
  const pages = new Map();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://host");
    const send = (type, text, headers = {}) => response.writeHead(200, { "content-type": type, ...headers }).end(text);
    if (pathname === "/token") return send("application/json", JSON.stringify(await give()));
    if (pathname === "/host.js") return send("text/javascript", SCRIPT);
    if (pathname === "/host.css") return send("text/css", STYLE);
    if (pages.has(pathname)) return send(...pages.get(pathname));
    return response.writeHead(404).end();
  });
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  const own = `http://localhost:${server.address().port}`;
  return {
    url: own,
    /** Lays a page with these elements at `path`. */
    page(path, body, { lang = "en", dir = "ltr", src = `${url}/widget/v1.js`, more = "" } = {}) {
      const html = `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8">
        <meta name="viewport" content="width=device-width"><title>Letterbox</title><link rel="stylesheet" href="/host.css">
        <script type="module" src="${src}" integrity="${integrity}" crossorigin="anonymous"></script>
        <script type="module" src="/host.js"></script>${more}</head><body><main><h1>Letterbox</h1>${body}</main></body></html>`;
      pages.set(path, ["text/html; charset=utf-8", html, { "content-security-policy": policy(url) }]);
      return path;
    },
    /** Lays any other file there. */
    file(path, type, text) {
      pages.set(path, [type, text]);
    },
    close: () => new Promise((closed) => {
      server.closeAllConnections();
      server.close(closed);
    }),
  };
}

/** What a page says that it expects of a script. */
export const integrityOf = (script) => `sha384-${createHash("sha384").update(script).digest("base64")}`;

/** People who see the host's pages; what they must not see fails the whole script. */
export function visitors(visit, host, gateway) {
  const own = new Visit(visit.browser, { origin: host.url, others: [gateway] });
  // One list: a run ends with what any of them saw.
  Object.defineProperty(own, "faults", { get: () => visit.faults, set: (faults) => { visit.faults = faults; } });
  return own;
}

/** An element for the stand-in's AddOn of this handle. */
export const addon = (url, handle, more = "") =>
  `<keystead-addon id="${handle}" client-id="cl_1" handle="${handle}" base-url="${url}" ${more}></keystead-addon>`;

/** Waits until the AddOn says that it is in this state. */
export const until = (page, handle, state) =>
  page.waitForFunction(([id, wanted]) => document.getElementById(id)?.state === wanted, [handle, state]);

/** A stand-in for the gateway, a host that may call it, and people; `file` is the widget. */
export async function setUp(visit, file) {
  const stand = await gateway();
  const stage = { stand, minted: 0, life: 600 };
  const held = [];
  const give = () => {
    stage.minted += 1;
    stand.tokens.add(`token-${stage.minted}`);
    return { access_token: `token-${stage.minted}`, expires_in: stage.life };
  };
  const own = await host({ url: stand.url, integrity: integrityOf(readFileSync(file)), give });
  stand.origins.add(own.url);
  const people = visitors(visit, own, stand.url);
  return Object.assign(stage, {
    own,
    people,
    /** A page with these elements, once each knows what it is. */
    async open(path, elements, ids, options) {
      const page = await people.person({ permissions: ["clipboard-read", "clipboard-write"] });
      await page.goto(own.page(path, elements, options));
      for (const id of ids) await until(page, id, "idle");
      return page;
    },
    close: (page) => page.context().close(),
    /** What the page heard of this event. */
    heard: (page, name) =>
      page.evaluate((wanted) => heard.filter(([one]) => one === wanted).map(([, , detail]) => detail), name),
    /** An AddOn that says what the test says, when it says it. */
    holds: (handle) => (task, answer) => held.push([handle, answer.begin()]),
    /** The next answer of such an AddOn, once it was asked. */
    async answerOf(handle) {
      for (;;) {
        const at = held.findIndex(([one]) => one === handle);
        if (at >= 0) return held.splice(at, 1)[0][1];
        await new Promise((later) => setTimeout(later, 10));
      }
    },
  });
}

/** Tells the stories one after the other, and takes the stage down. */
export async function tell({ stand, own }, stories) {
  for (const [name, story] of Object.entries(stories)) {
    await story().catch((error) => {
      throw new Error(`${name}: ${error.stack}`);
    });
  }
  await Promise.all([stand.close(), own.close()]);
  return Object.keys(stories).length;
}

/** Notes every text that a live region of the AddOn comes to have. */
export function listen(page, id, role) {
  return page.evaluate(([name, wanted]) => {
    const region = document.getElementById(name).shadowRoot.querySelector(`[role=${wanted}]`);
    globalThis.announced = [];
    new MutationObserver(() => announced.push(region.innerText.trim()))
      .observe(region, { childList: true, characterData: true, subtree: true });
  }, [id, role]);
}

export const said = (page) => page.evaluate(() => announced.filter((text) => text !== ""));

/** The kind of element that has the focus, within the AddOn. */
export const focused = (page, id) =>
  page.evaluate((name) => document.getElementById(name).shadowRoot.activeElement?.tagName, id);
