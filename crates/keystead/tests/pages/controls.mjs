// That the watch sees what it is there for: pages with one fault each, served under the policy that
// the test tells.
import assert from "node:assert/strict";
import { createServer } from "node:http";

import { WAYS, wrongs } from "./access.mjs";
import { Visit, run } from "./browser.mjs";

const page = (body, head = "") => `<!doctype html><html lang="en"><head><meta charset="utf-8">
  <meta name="viewport" content="width=device-width"><title>A page</title>${head}</head>
  <body><main><h1>A page</h1>${body}</main></body></html>`;

// What stands on a page, and the faults that are to be seen: all of them, in any order.
const FAULTS = {
  "nothing wrong": [page("<p>Fine.</p>"), []],
  "inline script": [page("<script>document.title = 'run'</script>"),
    [/^policy breach: script-src-elem inline/, /^console error: .*inline script/]],
  "inline handler": [page("<p>…</p><img alt='' src='/good.png' onload='0'>"),
    [/^policy breach: script-src-attr inline/, /^console error: .*inline event handler/]],
  "inline style": [page("<p style='color: red'>Red.</p>"),
    [/^policy breach: style-src-attr inline/, /^console error: .*inline style/]],
  "string as script": [page("", "<script type=module src=/unsafe.js></script>"),
    [/^policy breach: require-trusted-types-for/, /^console error: .*TrustedHTML/,
      /^script error: .*TrustedHTML/]],
  "logged error": [page("", "<script type=module src=/logs.js></script>"),
    [/^console error: said$/]],
  "thrown error": [page("", "<script type=module src=/throws.js></script>"),
    [/^script error: thrown$/]],
  "foreign image": [page("<img alt='' src='http://127.0.0.1:9/x.png'>"),
    [/^foreign request: http:\/\/127\.0\.0\.1:9\/x\.png$/, /^policy breach: img-src/,
      /^console error: .*image/]],
  "foreign link": [page("", "<meta http-equiv=refresh content='0; url=http://127.0.0.1:9/'>"),
    [/^foreign request: http:\/\/127\.0\.0\.1:9\/$/]],
  "missing part": [page("<img alt='' src='/missing.png'>"), [/^status 404: .*missing\.png$/]],
  "server error": [page("<p>Sorry.</p>"), [/^status 500: .*\/server%20error$/]],
};

const PARTS = {
  "/unsafe.js": ["text/javascript", "document.querySelector('main').innerHTML = '<p>x</p>';"],
  "/logs.js": ["text/javascript", "console.error('said');"],
  "/throws.js": ["text/javascript", "throw new Error('thrown');"],
  "/good.png": ["image/png", Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4" +
    "2mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64")],
};

await run(async (visit, { policy }) => {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1));
    const body = FAULTS[name]?.[0];
    const [type, part] = body ? ["text/html", body] : (PARTS[request.url] ?? []);
    const status = name === "server error" ? 500 : part ? 200 : 404;
    response.writeHead(status, { "content-type": type ?? "text/plain",
      "content-security-policy": policy });
    response.end(part ?? "");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;

  for (const [name, [, expected]] of Object.entries(FAULTS)) {
    const own = new Visit(visit.browser, { origin });
    const page = await own.person();
    await page.goto(`/${encodeURIComponent(name)}`);
    await page.waitForTimeout(expected.length === 0 ? 500 : 0);
    for (const pattern of expected) await until(() => own.faults.some((fault) => pattern.test(fault)),
      () => `${name}: nothing like ${pattern} among ${JSON.stringify(own.faults)}`);
    const others = own.faults.filter((fault) => !expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(others, [], name);
    await page.context().close();
  }
  server.close();

  // The same for eyes and hands.
  const page = await visit.person({ bypassCSP: true });
  const looked = async (body) => {
    await page.setContent(body);
    return (await wrongs(page, WAYS[0])).join("\n");
  };
  assert.equal(await looked(document("<p>Fine.</p>")), "");
  assert.match(await looked(document("<input>")), /^label /m);
  assert.match(await looked(document("<p class=pale>Pale.</p>")), /^color-contrast /m);
  assert.match(await looked(document("<p class=wide>Wide.</p>")), /80 px too wide/);
});

function document(body) {
  const style = ".pale { color: #bbb; background: #fff } .wide { width: 400px }";
  return page(body, `<style>body { margin: 0 } p { margin: 0 } ${style}</style>`);
}

async function until(holds, what) {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 10_000) assert.fail(what());
    await new Promise((later) => setTimeout(later, 20));
  }
}
