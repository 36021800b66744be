/** @type {import("../words.js").Catalogue} */
declare const catalogue: import("../words.js").Catalogue;
export default catalogue;
