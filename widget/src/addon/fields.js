// What people enter, by what the AddOn does.
import { make } from "./make.js";
import { TYPES, wired } from "./picture.js";

/** @typedef {import("../client.js").Task} Task */
/** @typedef {import("../words.js").Words} Words */
/** @typedef {(name: string) => string | undefined} Wish An attribute of the element. */

/**
 * Where people enter something.
 *
 * @typedef {object} Field
 * @property {Node[]} nodes What stands in the form.
 * @property {Node[]} choices What stands beside the button.
 * @property {HTMLElement} focus
 * @property {string} value The text; of a picture, none.
 * @property {boolean} isEmpty
 * @property {() => Promise<Task | undefined>} task What is asked for; `undefined` where it can't be.
 * @property {(picture: Blob | undefined) => void} [choose] Takes a picture, where one is wanted.
 */

/** Languages to translate into, where the page names none. */
const LANGUAGES = "en de fr es it pt nl pl tr ar ja zh";

/**
 * @param {Task["task"]} kind
 * @param {Words} words
 * @param {Wish} wish
 * @returns {Field}
 */
export function fieldOf(kind, words, wish) {
  const says = words.say(`${kind}.field`);
  if (kind === "alt-text") return picture(says, wish("target") ?? words.language);
  const area = make("textarea", {
    part: "input",
    rows: kind === "translate" ? "3" : "1",
    dir: "auto",
    "aria-label": says,
    placeholder: wish("placeholder") ?? says,
    maxlength: wish("max-length"),
  });
  const name = words.say(kind === "image" ? kind : "target");
  const select = make("select", { part: "select", "aria-label": name });
  const label = make("label", { part: "choice" }, kind === "image" ? "" : name, select);
  const offer = (/** @type {string} */ value, /** @type {string} */ text) => select.append(make("option", { value }, text));
  if (kind === "image") for (const shape of /** @type {const} */ (["square", "landscape", "portrait"])) offer(shape, words.say(shape));
  if (kind === "translate") {
    const tags = new Set((wish("languages") ?? LANGUAGES).split(/[\s,]+/));
    const target = wish("target");
    if (target) tags.add(target);
    for (const tag of tags) offer(tag, words.nameOf(tag));
    // People seldom want the language that they read already.
    select.value = target ?? [...tags].find((tag) => !words.language.startsWith(tag)) ?? "";
  }
  return {
    nodes: [area],
    choices: kind === "text" ? [] : [label],
    focus: area,
    get value() {
      return area.value;
    },
    set value(text) {
      area.value = text;
    },
    get isEmpty() {
      return !area.value.trim();
    },
    async task() {
      const input = area.value.trim();
      const chosen = /** @type {any} */ (select.value);
      if (kind === "translate") return { task: kind, input, target: chosen };
      return kind === "image" ? { task: kind, input, shape: chosen } : { task: kind, input };
    },
  };
}

/** @param {string} says @param {string} language @returns {Field} */
function picture(says, language) {
  const input = make("input", { type: "file", accept: TYPES, part: "unseen" });
  const shown = make("img", { alt: "" });
  const name = make("bdi");
  /** @type {Blob | undefined} */
  let chosen;
  const choose = (/** @type {Blob | undefined} */ blob) => {
    chosen = blob;
    URL.revokeObjectURL(shown.src);
    shown.hidden = !blob;
    if (blob) shown.src = URL.createObjectURL(blob);
    name.textContent = blob instanceof File ? blob.name : "";
  };
  input.onchange = () => choose(input.files?.[0]);
  return {
    nodes: [make("div", { part: "file" }, shown, make("label", { part: "button input pick" }, input, says), name)],
    choices: [],
    focus: input,
    get value() {
      return "";
    },
    set value(_) {
      choose(undefined);
    },
    get isEmpty() {
      return !chosen;
    },
    choose,
    async task() {
      const image = chosen && (await wired(chosen));
      return image && { task: "alt-text", image, language };
    },
  };
}
