import { KeysteadConnect } from "./connect/element.js";
export { KeysteadConnect };
