import { KeysteadAddOn } from "./addon/element.js";
export { KeysteadAddOn };
export { KeysteadClient } from "./client.js";
export { KeysteadError } from "./failure.js";
