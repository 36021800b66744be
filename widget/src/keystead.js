// The AddOn in the host application: an element for pages, and a client for those with an interface of
// their own. Nothing here ever holds a provider's key.
import { KeysteadAddOn } from "./addon/element.js";

export { KeysteadAddOn };
export { KeysteadClient } from "./client.js";
export { KeysteadError } from "./failure.js";

// Two copies of this file on one page, or a server that draws pages, are no reason to fail.
if (globalThis.customElements && !customElements.get("keystead-addon")) {
  customElements.define("keystead-addon", KeysteadAddOn);
}
