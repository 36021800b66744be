// The connection of a user's own key, for pages: an element, in a file of its own.
import { KeysteadConnect } from "./connect/element.js";

export { KeysteadConnect };

// Two copies of this file on one page, or a server that draws pages, are no reason to fail.
if (globalThis.customElements && !customElements.get("keystead-connect")) {
  customElements.define("keystead-connect", KeysteadConnect);
}
