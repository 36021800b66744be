// Every language, made from this folder by `cargo xtask widget`.
import ar from "./ar.js";
import de from "./de.js";
import en from "./en.js";

export default { ar, de, en };
