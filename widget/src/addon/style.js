// How the AddOn looks, as a sheet that a strict Content-Security-Policy lets through.
import css from "./style.css";

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One sheet for every AddOn of a page. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  return sheet;
}
