// Makes everything that is made from `src/` and `custom-elements.json`: `dist/`, the list of languages, and
// the element's page of the reference. With `--check` it writes nothing, and fails where a file is not what
// it would write. `cargo xtask widget` installs what it needs and runs it; so do the tests.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

import { referenceOf } from "./reference.mjs";

const own = dirname(fileURLToPath(import.meta.url));
const tools = `${process.env.NODE_MODULES ?? join(own, "node_modules")}/`;
const require = createRequire(tools);
const esbuild = require("esbuild");
const { minify } = require("terser");

/** The files that pages load, and the most that each may have, compressed, in bytes. */
const FILES = { keystead: 12_000, connect: 6_000 };

/** What our own modules call each other by, and nobody else. */
const INTERNAL = new RegExp(`^(${[
  "announce", "answered", "before", "busy", "choices", "choose", "clearTrouble", "copied", "counted", "field", "following",
  "fresh", "isEmpty", "isGone", "nodes", "panel", "picture", "quota", "said", "save", "say", "showTrouble", "suggest", "turn",
  "waiting",
].join("|")})$`);

const languages = readdirSync(join(own, "src/languages")).filter((name) => name !== "index.js")
  .map((name) => name.slice(0, -".js".length)).sort();

/** @type {Map<string, string | Buffer>} Path by path, from here. */
const made = new Map();
const isCheck = process.argv.includes("--check");
made.set("src/languages/index.js", listOfLanguages());
// The rest is made from it.
if (!isCheck) writeFileSync(join(own, "src/languages/index.js"), made.get("src/languages/index.js"));
for (const name of Object.keys(FILES)) {
  const script = await bundle(name);
  made.set(`dist/${name}.js`, script);
  made.set(`dist/${name}.js.gz`, gzipSync(script, { level: 9 }));
}
for (const [name, text] of declarations()) made.set(`dist/types/${name}`, text);
const about = JSON.parse(readFileSync(join(own, "custom-elements.json"), "utf8"));
for (const [page, at, guide] of [
  ["addon", 0, "[An AddOn in your page](../guides/addon-in-your-page.md)"],
  ["connect-element", 1, "[Your users' own keys](../guides/own-keys.md)"],
]) made.set(`../docs/reference/${page}.md`, referenceOf(about.modules[at], guide));

for (const [name, most] of Object.entries(FILES)) {
  const size = made.get(`dist/${name}.js.gz`).length;
  if (size > most) fail(`dist/${name}.js has ${size} bytes compressed, more than ${most}`);
  console.log(`${name}.js: ${made.get(`dist/${name}.js`).length} bytes, ${size} compressed`);
}
if (isCheck) check();
else write();

function listOfLanguages() {
  const imports = languages.map((name) => `import ${name} from "./${name}.js";`);
  const tags = languages.map((name) => `"${name}"`).join(" | ");
  return ["// Every language, made from this folder by `cargo xtask widget`.", ...imports, "",
    // Named, or the declarations would spell every phrase of every language out.
    `/** @type {Record<${tags}, import("../words.js").Catalogue>} */`,
    `const languages = { ${languages.join(", ")} };`, "", "export default languages;", ""].join("\n");
}

async function bundle(name) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: `export * from "./src/${name}.js";`, resolveDir: own },
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    format: "esm",
    target: "es2022",
    plugins: [{ name: "parts", setup: parts }],
  });
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2022,
    compress: { passes: 3 },
    mangle: { properties: { regex: INTERNAL } },
  });
  return Buffer.from(code);
}

function parts(build) {
  build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
    const { code } = await esbuild.transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
    return { contents: code.trim(), loader: "text" };
  });
  // Every language has the same phrases in the same order, so one of them names them for all.
  build.onLoad({ filter: /languages\/\w+\.js$/ }, async ({ path }) => {
    if (/(en|index)\.js$/.test(path)) return undefined;
    const [english, phrases] = await Promise.all(
      [join(own, "src/languages/en.js"), path].map(async (one) => (await import(pathToFileURL(one))).default));
    const names = Object.keys(english);
    if (names.join() !== Object.keys(phrases).join()) fail(`${path} has not the phrases of en.js in their order`);
    const text = JSON.stringify(Object.values(phrases).join("|"));
    if (text.split("|").length !== names.length) fail(`${path}: a phrase has a bar in it`);
    return { contents: `import { named } from "../named.js"; export default named(${text});`, loader: "js" };
  });
}

function declarations() {
  const folder = mkdtempSync(join(tmpdir(), "keystead-types-"));
  try {
    const arguments_ = [join(tools, "typescript/bin/tsc"), "--project", own, "--outDir", folder];
    execFileSync(process.execPath, arguments_, { stdio: ["ignore", 2, 2] });
    return readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".d.ts")).sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]);
  } catch (error) {
    return fail(error.status ? "the types do not fit" : error);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write() {
  rmSync(join(own, "dist"), { recursive: true, force: true });
  for (const [name, content] of made) {
    mkdirSync(dirname(join(own, name)), { recursive: true });
    writeFileSync(join(own, name), content);
  }
}

function check() {
  const there = readdirSync(join(own, "dist"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).length;
  const expected = [...made.keys()].filter((name) => name.startsWith("dist/")).length;
  const stale = [...made].filter(([name, content]) => !isSame(name, content)).map(([name]) => name);
  if (there !== expected) stale.push(`${there} files in dist, not ${expected}`);
  if (stale.length > 0) fail(`not as made from the sources, so run \`cargo xtask widget\`: ${stale.join(", ")}`);
}

function isSame(name, content) {
  try {
    const found = readFileSync(join(own, name));
    // Two releases of zlib may compress the same bytes differently.
    if (name.endsWith(".gz")) return gunzipSync(found).equals(gunzipSync(content));
    return found.equals(Buffer.from(content));
  } catch {
    return false;
  }
}

function fail(why) {
  console.error(String(why));
  process.exit(1);
}
