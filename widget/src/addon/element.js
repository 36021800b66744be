// `<keystead-addon>`: an AddOn of a host application, as its users meet it.
import { KeysteadClient } from "../client.js";
import { KeysteadError } from "../failure.js";
import { Words } from "../words.js";
import { pictureOf } from "./picture.js";
import { quotaOf } from "./quota.js";
import { styleSheet } from "./style.js";
import { isForDevelopers, troubleOf } from "./trouble.js";
import { Turn } from "./turn.js";
import { viewOf } from "./view.js";

/** @typedef {import("../client.js").Message} Message */
/** @typedef {import("../client.js").Task} Task */
/** @typedef {import("../client.js").About} About */
/** @typedef {import("../client.js").Answer} Answer */
/** @typedef {import("../client.js").Settings["getToken"]} GetToken */
/** @typedef {import("./trouble.js").Trouble} Trouble */
/** @typedef {"connecting" | "idle" | "waiting" | "streaming" | "stopped" | "done" | Trouble} State */
/** @typedef {string | { label: string, prompt: string }} Suggestion */

/** How long after sending people are told that it still goes on, in milliseconds. */
const SLOW = 5_000;

/** What says which AddOn it is. */
const IDENTITY = ["client-id", "handle", "base-url"];

const NO_IMAGE = "no image of a known type";

/** What pages may have set before this class was there. */
const PROPERTIES = ["getToken", "messages", "suggestions", "value", "image"];

/** On a server that draws pages there are no elements; the class can be imported there all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/** One AddOn in a page. What it is, its gateway tells; that it may be called, a token of the page's backend. */
export class KeysteadAddOn extends Base {
  static observedAttributes = [...IDENTITY, "dir", "disabled", "lang", "task"];

  #root = this.attachShadow({ mode: "open" });
  #internals = this.attachInternals();
  #words = new Words("en");
  /** @type {import("./view.js").View} */
  #view = viewOf(undefined, this.#words, () => undefined, () => undefined);
  #identity = "";
  /** @type {KeysteadClient | undefined} */
  #client;
  /** @type {GetToken | undefined} */
  #getToken;
  /** @type {About | undefined} */
  #about;
  /** @type {Turn | undefined} */
  #last;
  /** @type {AbortController | undefined} */
  #running;
  /** @type {State} */
  #state = "connecting";
  /** @type {Message[]} */
  #messages = [];
  /** @type {Suggestion[]} */
  #suggestions = [];
  #isDue = false;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [styleSheet()];
    this.addEventListener("keydown", this);
    // What a page set before this class was there stays.
    const { context = "", instructions = "", getConnectUrl } = /** @type {any} */ (this);
    /** @type {string} Text of the page that a prompt is about; it is sent along. */
    this.context = context;
    /** @type {string} What the provider is told beforehand, in an AddOn for text. */
    this.instructions = instructions;
    /** @type {(() => string | Promise<string>) | undefined} Where this user connects a key of their own: a link that the page's backend asks for. */
    this.getConnectUrl = getConnectUrl;
  }

  connectedCallback() {
    const own = /** @type {any} */ (this);
    for (const name of PROPERTIES) {
      if (!Object.hasOwn(own, name)) continue;
      const value = own[name];
      delete own[name];
      own[name] = value;
    }
    addEventListener("online", this);
    addEventListener("offline", this);
    this.#change();
  }

  disconnectedCallback() {
    removeEventListener("online", this);
    removeEventListener("offline", this);
    // Moved within the page, it goes on.
    queueMicrotask(() => this.isConnected || this.#leave());
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event.type === "offline") this.#running?.abort(new KeysteadError("offline", "offline", { retryable: true }));
    else if (event.type === "online" && this.#state === "offline") this.#goOn();
    else if (/** @type {KeyboardEvent} */ (event).key === "Escape") this.stop();
  }

  attributeChangedCallback() {
    this.#change();
  }

  /** Asks the page's backend for an access token: gives it, or the answer of `/oauth/token` as it is. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(ask) {
    this.#getToken = ask;
    this.#change();
  }

  /** What stands in the field. */
  get value() {
    return this.#view.field?.value ?? "";
  }

  set value(text) {
    if (this.#view.field) this.#view.field.value = text;
    else this.addEventListener("keystead-ready", () => (this.value = text), { once: true });
  }

  /** What was said so far, in an AddOn for text. */
  get messages() {
    return structuredClone(this.#messages);
  }

  set messages(messages) {
    this.#messages = structuredClone(messages);
  }

  /** Prompts to begin with, as buttons. */
  get suggestions() {
    return this.#suggestions;
  }

  set suggestions(suggestions) {
    this.#suggestions = suggestions;
    this.#view.suggest(this.#suggestions);
  }

  /** The picture to describe, where the page has it already. @param {Blob | undefined} picture */
  set image(picture) {
    if (this.#about) this.#view.field?.choose?.(picture);
    else this.addEventListener("keystead-ready", () => (this.image = picture), { once: true });
  }

  /** What goes on; style sheets ask with `:state(NAME)`. */
  get state() {
    return this.#state;
  }

  /** What the gateway tells of this AddOn, and of what is left of its limits. */
  get about() {
    return this.#about;
  }

  /** Sends what stands in the field, or another text. @param {string} [text] */
  async send(text) {
    const { field, send } = this.#view;
    if (!field || this.#running || this.hasAttribute("disabled") || send.ariaDisabled) return;
    if (text !== undefined) field.value = text;
    field.focus.focus({ preventScroll: true });
    if (field.isEmpty) return;
    const said = field.value.trim();
    const task = await field.task();
    if (task) return this.#ask(said, this.#whole(task));
    this.#fail(new KeysteadError("not_an_image", NO_IMAGE));
  }

  /** Ends the answer that is coming; what came stays. */
  stop() {
    this.#running?.abort();
  }

  /** Asks once more. */
  async retry() {
    if (this.#running) return;
    if (!this.#about) return this.#learn();
    const last = this.#last;
    if (!last || (last.isGone && !this.#view.field?.isEmpty)) return this.send();
    last.remove();
    this.#messages = last.before;
    return this.#ask(last.said, last.task);
  }

  /** Forgets what was said. */
  clear() {
    this.#leave();
    this.#messages = [];
    this.focus();
  }

  /** Leaves for the page where people connect a key of their own. */
  async connect() {
    const address = this.#tell("connect", {}, true) && (await this.getConnectUrl?.());
    if (address) location.assign(address);
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this.#view.field?.focus.focus(options);
  }

  /** Ends all that goes on, and takes the element off the page. */
  destroy() {
    this.remove();
    this.#leave();
    this.#getToken = this.#client = undefined;
  }

  /** Once for all that changes in the same moment. */
  #change() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.isConnected) return;
      const identity = JSON.stringify(IDENTITY.map((name) => this.getAttribute(name)));
      if (this.#identity && identity !== this.#identity) {
        this.#leave();
        this.#client = this.#about = undefined;
        this.#messages = [];
      }
      this.#identity = identity;
      // What was said stays as it is until it is cleared.
      if (!this.#last) this.#draw();
      this.#view.form.inert = this.hasAttribute("disabled");
      if (!this.#client && this.#getToken) this.#learn();
    });
  }

  /** Asks what this AddOn is. */
  async #learn() {
    const [clientId, handle, baseUrl] = IDENTITY.map((name) => this.getAttribute(name) ?? "");
    this.#view.clearTrouble();
    this.#become("connecting");
    try {
      const getToken = /** @type {GetToken} */ ((wanted) => this.#getToken?.(wanted) ?? "");
      this.#client ??= new KeysteadClient({ clientId: clientId ?? "", handle: handle ?? "", baseUrl: baseUrl ?? "", getToken });
      const client = this.#client;
      const about = await client.about();
      if (client !== this.#client) return;
      if (!about.tasks.length) throw new KeysteadError("task_not_supported", "no task");
      this.#about = about;
    } catch (error) {
      return this.#fail(foreseen(error));
    }
    this.#become("idle");
    this.#draw();
    if (this.hasAttribute("autofocus")) this.focus();
    this.#tell("ready", this.#about);
  }

  /** Shows what belongs to this kind of AddOn, in the page's language. */
  #draw() {
    const { tasks = [] } = this.#about ?? {};
    const wanted = this.getAttribute("task");
    const kind = tasks.find((task) => task === wanted) ?? tasks[0];
    const tag = this.closest("[lang]")?.getAttribute("lang") || navigator.language;
    const wish = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
    const { value } = this;
    this.#view.clearTrouble();
    this.#words = new Words(tag);
    this.#view = viewOf(kind, this.#words, wish, (act, prompt) => this.#act(act, prompt));
    if (value) this.value = value;
    this.#root.replaceChildren(this.#view.panel);
    this.#view.suggest(this.#suggestions);
    this.#tellQuota();
  }

  /** @param {import("./view.js").Act} act @param {string} [prompt] */
  #act(act, prompt) {
    const { text, picture: image } = this.#last ?? {};
    if (act === "apply") this.#tell(act, image ? { image } : { text });
    else if (act === "copy") navigator.clipboard?.writeText(text ?? "").then(() => this.#view.copied(), () => undefined);
    else if (act === "send") this.send(prompt);
    else this[act]();
  }

  /** The whole of what is asked for: with what the page wants to be said along. @param {Task} task @returns {Task} */
  #whole(task) {
    const model = this.getAttribute("model") ?? undefined;
    if (task.task !== "text") return { ...task, model };
    const content = this.context ? `${task.input}\n\n${this.context}` : String(task.input);
    const input = [...this.#messages, { role: /** @type {const} */ ("user"), content }];
    return { ...task, input, instructions: this.instructions || undefined, model };
  }

  /** @param {string} said @param {Task} task */
  async #ask(said, task) {
    const [view, words, client] = [this.#view, this.#words, this.#client];
    if (!client || !this.#tell("submit", { task }, true)) return;
    const running = (this.#running = new AbortController());
    // Only a conversation has more than one.
    if (task.task !== "text") this.#last?.remove();
    const turn = (this.#last = new Turn(view, said, task, this.#messages));
    view.busy(true);
    if (task.task === "text" && view.field) view.field.value = "";
    this.#become("waiting");
    view.announce(words.say("generating"));
    const slow = setTimeout(() => {
      turn.wait(words.say("working"));
      view.announce(words.say("working"));
    }, SLOW);
    /** @type {(() => void) | undefined} */
    let then;
    try {
      for await (const answer of client.run(task, { signal: running.signal })) {
        const { type, ...detail } = answer;
        if (type !== "start") clearTimeout(slow);
        if (type === "done") then = () => this.#done(turn, answer, detail);
        else this.#take(turn, answer, detail);
      }
    } catch (error) {
      const { aborted, reason } = running.signal;
      const why = aborted ? reason : error;
      then = () => {
        if (aborted && !(why instanceof KeysteadError)) return this.#stopped(turn);
        this.#settle(turn);
        view.announce("");
        this.#fail(foreseen(why));
      };
    }
    clearTimeout(slow);
    this.#running = undefined;
    view.busy(false);
    // Cleared, or left, in the meantime.
    if (turn !== this.#last) return;
    then?.();
    this.#refresh();
  }

  /** @param {Turn} turn @param {Exclude<Answer, { type: "done" }>} answer @param {object} detail */
  #take(turn, answer, detail) {
    const { type } = answer;
    if (type !== "start" && this.#state === "waiting") this.#become("streaming");
    if (type === "delta") turn.add(answer.text);
    if (type !== "image") {
      this.#tell(type, detail);
      return;
    }
    const picture = pictureOf(answer.data);
    if (!picture) throw new KeysteadError("not_an_image", NO_IMAGE, { source: "provider" });
    turn.show(picture);
  }

  /** @param {Turn} turn @param {Extract<Answer, { type: "done" }>} answer @param {object} detail */
  #done(turn, { finishReason }, detail) {
    const notes = /** @type {Record<string, import("../words.js").Phrase>} */ ({ length: "cut", content_filter: "refused" });
    const note = notes[finishReason];
    turn.end(note && this.#words.say(note));
    this.#keep(turn);
    this.#become("done");
    this.#view.announce(this.#words.say("ready"));
    this.#tell("done", detail);
  }

  /** @param {Turn} turn */
  #stopped(turn) {
    this.#settle(turn, "stopped");
    this.#become("stopped");
    this.#view.announce(this.#words.say("stopped"));
    this.#tell("stopped", {});
  }

  /** It ended early: what came is kept, and where nothing came, what was entered. @param {Turn} turn @param {"stopped"} [note] */
  #settle(turn, note) {
    turn.end(note && this.#words.say(note));
    if (!turn.isEmpty) return this.#keep(turn);
    turn.remove();
    const { field } = this.#view;
    if (field?.isEmpty && turn.said) field.value = turn.said;
  }

  /** What came is part of what was said. @param {Turn} turn */
  #keep(turn) {
    this.#view.answered(true);
    if (turn.task.task !== "text") return;
    this.#messages = [...turn.before, { role: "user", content: turn.said }, { role: "assistant", content: turn.text }];
  }

  /** @param {KeysteadError} error */
  async #fail(error) {
    const { code, retryable, retryAfter, requestId, source, message } = error;
    const shown = troubleOf(error);
    const [trouble, next] = shown;
    this.#become(trouble);
    this.#view.showTrouble(shown, error, () => this.#goOn());
    this.#tell("error", { code, retryable, retryAfter, requestId, source });
    if (trouble === "rate-limited" || trouble === "budget-out") return this.#tellLimit(retryAfter);
    // A provider's own text may hold what was asked.
    const why = source === "provider" ? "" : `: ${message}`;
    if (isForDevelopers(next)) console.warn(`keystead-addon ${this.getAttribute("handle")}: ${code}${why}`);
  }

  /** A wait is over. */
  #goOn() {
    this.#view.clearTrouble();
    if (!this.#about) return this.#learn();
    this.#become("idle");
    this.#view.announce(this.#words.say("retry"));
  }

  /** Which limit it was, the gateway knows. @param {number} [retryAfter] In seconds. */
  async #tellLimit(retryAfter) {
    await this.#refresh();
    const { scope } = this.#about?.limits?.find(({ remaining }) => remaining < 1) ?? {};
    this.#tell("limit", { scope, resetAt: retryAfter && new Date(Date.now() + retryAfter * 1_000).toISOString() });
  }

  /** Asks anew what is left. */
  async #refresh() {
    const client = this.#client;
    const about = await client?.about().catch(() => undefined);
    if (!about || client !== this.#client) return;
    this.#about = about;
    this.#tellQuota();
  }

  #tellQuota() {
    this.#view.quota.textContent = quotaOf(this.#about?.limits ?? [], this.#words);
  }

  /** @param {State} state */
  #become(state) {
    this.#internals.states?.clear();
    this.#internals.states?.add(state);
    this.#state = state;
  }

  /**
   * @param {string} name
   * @param {object} detail Nothing secret: every script of the page can listen.
   * @param {boolean} [cancelable]
   */
  #tell(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`keystead-${name}`, { bubbles: true, composed: true, cancelable, detail }));
  }

  /** Ends what goes on, and takes away what was said. */
  #leave() {
    this.stop();
    this.#last?.remove();
    this.#last = undefined;
    this.#view.clear();
    if (this.#about) this.#become("idle");
  }
}

/** Anything that was thrown, as an error of ours. @param {unknown} cause */
const foreseen = (cause) => (cause instanceof KeysteadError ? cause : new KeysteadError("incomplete", `${cause}`, { cause }));
