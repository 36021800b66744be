// A stand-in for the gateway, as far as a page sees it: `/run`, tokens, origins, and the widget's own file.
// What each AddOn answers, and when, is the test's to say.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const script = readFileSync(new URL("../dist/keystead.js", import.meta.url));

const EXPOSED = "x-keystead-request-id, x-keystead-source, x-keystead-error, retry-after";

/** What an AddOn is, where the test says no more. */
const ABOUT = { provider: "openai", models: [], key_source: "application", limits: [] };

const TASKS = { text: "text", translation: "translate", image: "image", "alt-text": "alt-text" };

/** A gateway that listens; `close` ends it. */
export async function gateway() {
  const addons = new Map();
  const own = {
    /** Every call that was let in: `{ method, handle, token, task }`. */
    calls: [],
    /** Tokens that were refused. */
    refused: [],
    origins: new Set(),
    tokens: new Set(),
    /** Makes an AddOn; `run(task, answer)` says what comes. */
    addon(handle, type, run, about = {}) {
      addons.set(handle, { about: { ...ABOUT, handle, type, tasks: [TASKS[type]], ...about }, run });
    },
    /** Changes what the gateway tells of one. */
    tell(handle, about) {
      Object.assign(addons.get(handle).about, about);
    },
    close: () => new Promise((closed) => {
      server.closeAllConnections();
      server.close(closed);
    }),
  };

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://stand-in");
    if (pathname.startsWith("/widget/")) return widget(pathname, response);
    const [, face, client, handle, ...rest] = pathname.split("/");
    if (!["run", "proxy"].includes(face) || client !== "cl_1") return end(response, 404, {});
    const { origin } = request.headers;
    // As the gateway: a page that is not listed may not even read that it was refused.
    if (origin && !own.origins.has(origin)) return end(response, 403, {}, { "x-keystead-error": "origin_not_allowed" });
    if (origin) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", EXPOSED);
    }
    if (request.method === "OPTIONS") {
      response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "");
      response.setHeader("access-control-allow-methods", "GET, POST");
      return response.writeHead(204).end();
    }
    const body = await read(request);
    const answer = new Answer(response);
    const token = tokenOf(request.headers);
    if (!own.tokens.has(token)) {
      own.refused.push(token);
      return answer.refuse(401, { code: "unauthenticated", retryable: false });
    }
    const task = body && face === "run" ? JSON.parse(body) : body;
    own.calls.push({ method: request.method, face, handle, path: `/${rest.join("/")}`, token, task, headers: request.headers });
    const addon = addons.get(handle);
    if (!addon) return answer.refuse(404, { code: "not_found", retryable: false });
    if (face === "run" && request.method === "GET") return end(response, 200, addon.about);
    return addon.run(task, answer);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  own.url = `http://127.0.0.1:${server.address().port}`;
  return own;
}

/** One answer, said as the contract of `/run` wants it. */
export class Answer {
  #response;
  #begun = false;

  constructor(response) {
    this.#response = response;
    response.setHeader("x-keystead-request-id", "req_0192f3");
    /** Whether the page has gone. */
    this.isLeft = false;
    /** Settles once it has. */
    this.left = new Promise((left) => response.once("close", () => {
      this.isLeft = !response.writableFinished;
      left();
    }));
  }

  /** A no before the first byte. */
  refuse(status, error, headers = {}) {
    const source = { "x-keystead-source": "gateway", "x-keystead-error": error.code };
    const wait = error.retry_after === undefined ? {} : { "retry-after": `${error.retry_after}` };
    end(this.#response, status, { error: { message: "no", request_id: "req_0192f3", ...error } }, { ...source, ...wait, ...headers });
  }

  begin() {
    if (this.#begun) return this;
    this.#begun = true;
    this.#response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-keystead-source": "upstream" });
    this.#response.write(": alive\n\n");
    return this;
  }

  delta(text) {
    return this.event("delta", { text });
  }

  image(type, data) {
    return this.event("image", { type, data });
  }

  done(more = {}) {
    this.event("done", { finish_reason: "stop", model: "stand-in-1", usage: { input_tokens: 3, output_tokens: 5 }, ...more });
    this.#response.end();
  }

  error(error) {
    this.event("error", { message: "no", ...error });
    this.#response.end();
  }

  event(name, data) {
    this.begin();
    this.#response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    return this;
  }

  raw(text) {
    this.begin();
    this.#response.write(text);
    return this;
  }

  /** As if the line were cut. */
  cut() {
    this.#response.destroy();
  }
}

function tokenOf(headers) {
  return headers.authorization?.replace(/^\S+ /, "") ?? headers["x-api-key"] ?? headers["api-key"];
}

function widget(pathname, response) {
  response.setHeader("access-control-allow-origin", "*");
  if (pathname === "/widget/v1.json") return end(response, 200, {});
  response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(script);
}

function end(response, status, body, headers = {}) {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function read(request) {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  return text;
}
