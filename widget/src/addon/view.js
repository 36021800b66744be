// What is shown: built once for a kind of AddOn and a language, then told what to show.
import { fieldOf } from "./fields.js";
import { make } from "./make.js";
import { isForDevelopers } from "./trouble.js";

/** @typedef {import("../words.js").Words} Words */
/** @typedef {import("../client.js").Task} Task */

/** @typedef {ReturnType<typeof viewOf>} View The inside of an AddOn. */

/** @typedef {"send" | "stop" | "retry" | "clear" | "apply" | "copy" | "connect"} Act What people do with it, beside typing. */

/** From here on, in seconds, nobody looks at a count-down, and the hour says more. */
const LONG = 100;

/** How near to its end, in pixels, an output follows what is added. */
const NEAR = 32;

/**
 * The inside of an AddOn.
 *
 * @param {Task["task"] | undefined} kind `undefined` as long as it is not known.
 * @param {Words} words
 * @param {(name: string) => string | undefined} wish An attribute of the element.
 * @param {(act: Act, prompt?: string) => void} act
 */
export function viewOf(kind, words, wish, act) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let clock;
  let isBusy = false;
  const title = words.say(kind ?? "text");
  const field = kind && fieldOf(kind, words, wish);

  const empty = make("slot", { name: "empty" });
  const log = make("div", { part: "output", role: "log", "aria-live": "off", "aria-label": title, tabindex: "0" });

  const clears = button("clear");
  const copies = button("copy");
  const save = make("a", { part: "button save" }, words.say("save"));
  const actions = make("div", { part: "actions row" });
  const apply = wish("apply");
  if (apply !== undefined) actions.append(button("apply", apply));
  actions.append(kind === "image" ? save : copies, button("retry"), make("slot", { name: "actions" }));

  // What a page has to say about one state, or about any, stands in the place of our words.
  const said = make("div");
  const own = make("slot", {}, make("slot", { name: "error" }, said));
  const facts = make("p");
  const again = button("retry");
  const error = make("div", { part: "error" }, make("div", { role: "alert" }, own), facts, again);

  const suggestions = make("div", { part: "suggestions row" });
  const send = make("button", { part: "button send main" });
  const form = make("form", { part: field?.choices.length ? "form" : "form inline" }, ...(field?.nodes ?? []), make("div", { part: "row" }, ...(field?.choices ?? []), send));
  const quota = make("span", { part: "quota" });
  const status = make("p", { part: "status unseen", role: "status" });

  const panel = make("section",
    { part: "panel", role: "group", dir: wish("dir") ?? words.dir, lang: words.language, "aria-label": title },
    make("header", { part: "header" },
      make("div", { part: "title" }, make("slot", { name: "icon" }, make("span", { class: "icon" })), make("slot", { name: "label" }, title)),
      clears),
    empty, log, actions, error, suggestions, form,
    make("footer", { part: "footer" }, quota, make("slot", { name: "footer" })),
    status);

  form.hidden = !kind;
  form.onsubmit = (event) => {
    event.preventDefault();
    act(isBusy ? "stop" : "send");
  };
  // The second click of two is not meant for the button that the first one changed.
  send.onclick = ({ detail }) => detail < 2;
  form.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.target !== field?.focus) return;
    // Several lines are usual in a text to translate, and a file is chosen by this key.
    if (kind === "alt-text" || (kind === "translate" && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    if (!isBusy) act("send");
  };
  clear();
  busy(false);

  return {
    panel, field, form, quota, save, send, busy, following, fresh, clear, clearTrouble,

    /** Whether there is an answer that something can be done with. @param {boolean} is */
    answered(is) {
      actions.hidden = !is;
    },

    /** The answer is on the clipboard. */
    copied() {
      copies.textContent = `${words.say("copy")} ✓`;
      setTimeout(() => (copies.textContent = words.say("copy")), 2_000);
    },

    /** Says something to those who listen, and to nobody else. @param {string} text */
    announce(text) {
      status.textContent = text;
    },

    /** A new turn, with what was said where it is not seen elsewhere. @param {string} text */
    turn(text) {
      const node = document.createTextNode("");
      const waiting = make("p", { part: "waiting", "aria-hidden": "true" }, words.say("generating"));
      const turn = make("div", { class: "turn live" });
      if (kind === "text") {
        turn.append(make("div", { part: "message user" },
          make("span", { part: "unseen" }, `${words.say("you")}: `), make("div", { class: "text", dir: "auto" }, text)));
      }
      turn.append(make("div", { part: "message answer text", dir: "auto" }, node), waiting);
      log.append(turn);
      actions.hidden = true;
      clearTrouble();
      fresh();
      log.scrollTop = log.scrollHeight;
      return { turn, node, waiting };
    },

    /** @param {import("./element.js").Suggestion[]} all */
    suggest(all) {
      suggestions.replaceChildren(...all.map((one) => {
        const { label, prompt } = typeof one === "string" ? { label: one, prompt: one } : one;
        const chip = make("button", { type: "button", part: "button suggestion" }, label);
        chip.onclick = () => act("send", prompt);
        return chip;
      }));
    },

    /**
     * Says what is in the way and what comes next.
     *
     * @param {ReturnType<typeof import("./trouble.js").troubleOf>} trouble
     * @param {{ retryAfter?: number, requestId?: string }} told
     * @param {() => void} over Called when a wait is over.
     */
    showTrouble([trouble, next], { retryAfter, requestId }, over) {
      clearTrouble();
      const offer = next === "connect" ? next : "retry";
      let step = offer === next ? "" : words.say(next);
      const isFast = trouble === "rate-limited";
      const counts = isFast && retryAfter && retryAfter < LONG;
      if (counts) {
        // The seconds go by beside the alert, or each would be read aloud.
        step = "";
        count(retryAfter, over);
      } else if (retryAfter && (isFast || trouble === "budget-out")) step = `${words.say("renewed", { when: words.when(retryAfter) })}.`;
      // To people it is the same that an AddOn is off and that this page may not use it.
      said.append(make("strong", {}, words.say(trouble === "origin-not-allowed" ? "unavailable" : trouble)), step);
      if (requestId) facts.append(make("small", {}, "ID ", make("bdi", {}, requestId)));
      own.name = `error-${trouble}`;
      error.classList.toggle("mild", isFast || trouble === "offline");
      again.textContent = words.say(offer);
      again.onclick = () => act(offer);
      again.hidden = offer !== next && (!!counts || !actions.hidden || next === "change" || isForDevelopers(next));
      error.hidden = false;
    },
  };

  /** Whether a run goes on: the button to send stops it then, and keeps the focus it may have. @param {boolean} is */
  function busy(is) {
    isBusy = is;
    send.textContent = words.say(is ? "stop" : `${kind ?? "text"}.send`);
    send.className = is ? "button stop" : "button send main";
    log.ariaBusy = `${is}`;
    fresh();
  }

  /** Adds to the output, and follows it if its end was in sight. @param {() => void} add */
  function following(add) {
    const { scrollHeight, scrollTop, clientHeight } = log;
    add();
    if (scrollHeight - scrollTop - clientHeight < NEAR) log.scrollTop = log.scrollHeight;
  }

  /** Takes away what was said and entered. */
  function clear() {
    log.replaceChildren();
    if (field) field.value = "";
    actions.hidden = true;
    clearTrouble();
    fresh();
  }

  /** The output is there if there is something in it; suggestions are for the beginning. */
  function fresh() {
    const is = !log.firstChild;
    log.hidden = is;
    empty.hidden = !is;
    clears.hidden = is || isBusy;
    suggestions.hidden = !is || kind !== "text";
  }

  function clearTrouble() {
    clearInterval(clock);
    error.hidden = true;
    said.replaceChildren();
    facts.replaceChildren();
    send.ariaDisabled = null;
  }

  /** @param {number} seconds @param {() => void} over */
  function count(seconds, over) {
    const ends = performance.now() + seconds * 1_000;
    const line = make("span");
    const tick = () => {
      const left = Math.ceil((ends - performance.now()) / 1_000);
      line.textContent = words.say("wait", { wait: words.wait(left) });
      if (left <= 0) over();
    };
    facts.append(line);
    send.ariaDisabled = "true";
    clock = setInterval(tick, 250);
    tick();
  }

  /** @param {Exclude<Act, "send">} what @param {string} [text] */
  function button(what, text) {
    const made = make("button", { type: "button", part: `button ${what}` }, text || words.say(what));
    made.onclick = () => act(what);
    return made;
  }
}
