// Every language, made from this folder by `cargo xtask widget`.
import ar from "./ar.js";
import de from "./de.js";
import en from "./en.js";

/** @type {Record<"ar" | "de" | "en", import("../words.js").Catalogue>} */
const languages = { ar, de, en };

export default languages;
