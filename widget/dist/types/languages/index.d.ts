/** @type {Record<"ar" | "de" | "en", import("../words.js").Catalogue>} */
declare const languages: Record<"ar" | "de" | "en", import("../words.js").Catalogue>;
export default languages;
