// Try it: one call of an AddOn from this page, shown as it comes. The token is asked for by a form of
// this page, lives five minutes, and stays in memory. Answers become text nodes, never markup.

const form = document.getElementById("try");
const trial = JSON.parse(form.dataset.trial);
const element = (id) => document.getElementById(id);
const output = element("output");
const state = element("state");
const refused = element("refused");
const facts = element("facts");
let running = null;
let token = null;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  if (running) return;
  running = new AbortController();
  clear();
  busy(true);
  try {
    await call(running.signal);
  } catch (error) {
    if (running.signal.aborted) say("Stopped");
    else refuse(error instanceof Refusal ? error.message : unreachable());
  }
  running = null;
  busy(false);
}, true);

element("stop").addEventListener("click", () => running?.abort());
addEventListener("keydown", (event) => { if (event.key === "Escape") running?.abort(); });

class Refusal extends Error {}

async function call(signal) {
  const entered = await read(new FormData(form));
  await mint(signal);
  const headers = new Headers(trial.headers);
  headers.set(trial.credential.header, trial.credential.prefix + token.text);
  const body = made(entered, headers);
  say("Waiting for the first byte");
  const began = performance.now();
  const answer = await fetch(trial.address, { method: "POST", headers, body, signal, credentials: "omit", referrerPolicy: "no-referrer" });
  const shown = { began, first: null, used: new Map() };
  if (!answer.ok) throw new Refusal(sentence(answer, await answer.text()));
  if (trial.shows === "events") await events(answer, shown);
  else if (trial.shows === "picture") picture(await answer.blob(), shown);
  else json(await answer.json(), shown);
  figures(shown, answer);
  say("Done");
}

// A token that ends within the next half minute is asked for anew.
async function mint(signal) {
  if (token && token.until - Date.now() > 30_000) return;
  say("Asking for a token");
  const body = new URLSearchParams({ csrf: form.elements.csrf.value });
  const answer = await fetch(form.action, { method: "POST", body, signal, redirect: "manual" });
  if (!answer.ok) throw new Refusal("This page could not get a token. Load it again and try once more.");
  const minted = await answer.json();
  token = { text: minted.access_token, until: Date.now() + minted.expires_in * 1000 };
}

async function read(data) {
  const entered = { model: data.get("model") ?? "", prompt: data.get("prompt") ?? "", language: data.get("language") ?? "" };
  const file = data.get("picture");
  if (file instanceof File) {
    entered.file = file;
    entered["picture-type"] = file.type;
    entered.picture = await dataAddress(file);
    entered["picture-base64"] = entered.picture.slice(entered.picture.indexOf(",") + 1);
  }
  return entered;
}

function dataAddress(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refusal("The picture could not be read."));
    reader.readAsDataURL(file);
  });
}

function made(entered, headers) {
  if (trial.sends === "picture") {
    headers.set("content-type", "application/octet-stream");
    return entered.file;
  }
  const filled = fill(JSON.parse(trial.body), entered);
  if (trial.sends === "form-data") {
    const fields = new FormData();
    for (const [name, value] of Object.entries(filled)) fields.set(name, value);
    return fields;
  }
  headers.set("content-type", "application/json");
  return JSON.stringify(filled);
}

// What was entered, in the place of its name in braces.
function fill(value, entered) {
  if (typeof value === "string") return value.replaceAll(/\{([a-z0-9-]+)\}/g, (all, name) => entered[name] ?? all);
  if (Array.isArray(value)) return value.map((one) => fill(one, entered));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, entered)]));
  return value;
}

async function events(answer, shown) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") continue;
      let event;
      try { event = JSON.parse(data); } catch { continue; }
      if (event.error) throw new Refusal(told(event) ?? "The answer ended with an error.");
      json(event, shown);
    }
  }
}

function json(value, shown) {
  for (const place of trial.text) {
    const text = at(value, place);
    if (typeof text !== "string" || text === "") continue;
    first(shown);
    output.append(document.createTextNode(text));
  }
  for (const place of trial.pictures) {
    const base64 = at(value, place);
    if (typeof base64 !== "string") continue;
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    picture(new Blob([bytes], { type: "image/png" }), shown);
  }
  for (const [label, place] of trial.usage) {
    const number = at(value, place);
    if (typeof number === "number") shown.used.set(label, number);
  }
}

function picture(blob, shown) {
  first(shown);
  const image = document.createElement("img");
  image.alt = "The picture that the provider made";
  image.src = URL.createObjectURL(blob);
  image.onload = () => URL.revokeObjectURL(image.src);
  output.append(image);
}

function first(shown) {
  if (shown.first !== null) return;
  shown.first = performance.now() - shown.began;
  say("Answering");
}

function at(value, pointer) {
  let place = value;
  for (const name of pointer.slice(1).split("/")) {
    if (place === null || typeof place !== "object") return undefined;
    place = place[name];
  }
  return place;
}

// What the provider or Keystead says for people, in whichever envelope.
function sentence(answer, text) {
  let said;
  try { said = told(JSON.parse(text)); } catch { said = undefined; }
  const code = answer.headers.get("x-keystead-error");
  const who = answer.headers.get("x-keystead-source") === "gateway" ? "Keystead refused the call" : "The provider answered";
  return `${who}: ${answer.status}${code ? ` ${code}` : ""}. ${said ?? ""}`.trim();
}

function told(body) {
  const errors = Array.isArray(body.errors) ? body.errors.join("; ") : undefined;
  const inner = typeof body.error === "string" ? body.error : body.error?.message;
  return inner ?? body.message ?? errors;
}

// A browser says no more than that; the likely reason is the address that this page was opened at.
function unreachable() {
  if (location.origin === form.dataset.origin) return "No answer came: the connection failed or was cut.";
  return `No answer came. Calls are let through from ${form.dataset.origin}; this page was opened at ${location.origin}. Open the console there.`;
}

function figures(shown, answer) {
  const rows = [["first byte", `${Math.round(shown.first ?? 0)} ms`], ["whole answer", `${Math.round(performance.now() - shown.began)} ms`]];
  for (const [label, number] of shown.used) rows.push([label, number.toLocaleString("en")]);
  const request = answer.headers.get("x-keystead-request-id");
  if (request) rows.push(["request id", request]);
  for (const [label, value] of rows) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const detail = document.createElement("dd");
    term.textContent = label;
    detail.textContent = value;
    row.append(term, detail);
    facts.append(row);
  }
  facts.hidden = false;
}

function clear() {
  output.replaceChildren();
  facts.replaceChildren();
  facts.hidden = true;
  refused.hidden = true;
  refused.textContent = "";
}

function refuse(text) {
  refused.textContent = text;
  refused.hidden = false;
  say("Refused");
}

function say(text) { state.textContent = text; }

function busy(is) {
  output.setAttribute("aria-busy", String(is));
  element("send").disabled = is;
  element("stop").hidden = !is;
}
