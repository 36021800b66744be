// One question and its answer, as it comes.
import { make } from "./make.js";

/** @typedef {import("../client.js").Task} Task */
/** @typedef {import("../client.js").Message} Message */

/** A turn of a conversation; of the other kinds of AddOn, the only one. */
export class Turn {
  #view;
  #shown;
  #pending = "";
  #frame = 0;
  #address = "";

  /** All the text that came. */
  text = "";

  /** @type {Blob | undefined} */
  picture = undefined;

  /** Whether it was taken off the page. */
  isGone = false;

  /**
   * @param {import("./view.js").View} view
   * @param {string} said What the person entered.
   * @param {Task} task What is asked for.
   * @param {Message[]} before What was said before.
   */
  constructor(view, said, task, before) {
    this.#view = view;
    this.#shown = view.turn(said);
    this.said = said;
    this.task = task;
    this.before = before;
  }

  /** Whether anything came. */
  get isEmpty() {
    return this.text === "" && !this.picture;
  }

  /** Adds text, with all that comes until the next frame: a page that draws each piece stutters. @param {string} text */
  add(text) {
    this.text += text;
    this.#pending += text;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** @param {Blob} picture */
  show(picture) {
    this.picture = picture;
    this.#address = URL.createObjectURL(picture);
    const image = make("img", { part: "image", alt: this.said });
    image.src = this.#address;
    this.#shown.waiting.hidden = true;
    this.#view.following(() => this.#shown.turn.append(image));
    this.#view.save.href = this.#address;
    this.#view.save.download = `image.${picture.type.slice("image/".length)}`;
  }

  /** Says something in the place where the answer will be. @param {string} text */
  wait(text) {
    this.#shown.waiting.textContent = text;
  }

  /** No more comes; `note` says why, where that is worth a word. @param {string} [note] */
  end(note) {
    this.#draw();
    this.#shown.waiting.remove();
    this.#shown.turn.classList.remove("live");
    if (note) this.#view.following(() => this.#shown.turn.append(make("p", { class: "note" }, note)));
  }

  /** Takes it off the page. */
  remove() {
    cancelAnimationFrame(this.#frame);
    URL.revokeObjectURL(this.#address);
    this.#shown.turn.remove();
    this.isGone = true;
    this.#view.fresh();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#pending === "") return;
    this.#shown.waiting.hidden = true;
    this.#view.following(() => this.#shown.node.appendData(this.#pending));
    this.#pending = "";
  }
}
