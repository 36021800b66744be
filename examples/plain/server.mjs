// A host application's backend: one page, and tokens for whoever is signed in to it. Node 20, no packages.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const { KEYSTEAD_URL: keystead, KEYSTEAD_CLIENT_ID: client_id, KEYSTEAD_CLIENT_SECRET: secret } = process.env;
const { KEYSTEAD_HANDLE: handle, PORT = 3000 } = process.env;
const basic = `Basic ${Buffer.from(`${client_id}:${secret}`).toString("base64")}`;
const here = process.argv[2] ?? new URL(".", import.meta.url).pathname;
const file = (name) => readFileSync(join(here, name), "utf8");
const policy = `default-src 'self'; script-src 'self' ${keystead}; connect-src 'self' ${keystead}; img-src 'self' blob: data:`;

/** An access token for one user of this application, as JSON; the client secret never leaves this process. */
async function token(uid) {
  const body = new URLSearchParams({ grant_type: "client_credentials", uid, scope: `addon:${handle}` });
  const answer = await fetch(`${keystead}/oauth/token`, { method: "POST", headers: { authorization: basic }, body });
  return answer.text();
}

createServer(async ({ method, url, headers }, response) => {
  const answer = (status, type, body) =>
    response.writeHead(status, { "content-type": type, "content-security-policy": policy, "cache-control": "no-store" }).end(body);
  try {
    if (method === "POST") {
      // Who asks is for your own session to say; here everybody is the same user.
      const isOurs = url === "/token" && headers["sec-fetch-site"] === "same-origin";
      return isOurs ? answer(200, "application/json", await token("user-4711")) : answer(403, "text/plain", "");
    }
    if (url === "/page.js") return answer(200, "text/javascript", file("page.js"));
    const { src, integrity } = await (await fetch(`${keystead}/widget/v1.json`)).json();
    const filled = { src, integrity, keystead, client_id, handle };
    answer(200, "text/html", file("index.html").replace(/\{(\w+)\}/g, (_, name) => filled[name]));
  } catch {
    answer(502, "text/plain", "Keystead does not answer");
  }
}).listen(PORT, "localhost");
