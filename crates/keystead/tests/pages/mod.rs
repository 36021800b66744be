//! The pages, in a real browser: what people do on them, and that everybody can.
//!
//! | file | what |
//! |---|---|
//! | `script` | runs a script of this folder against a server, and looks at how it ended |
//! | `watch` | that the watch over every script sees what it is there for |
//! | `browser.mjs` | the browser, its people, the watch; virtual passkeys |
//! | `access.mjs` | axe-core's rules, and that a page fits its window |
//! | `totp.mjs` | the codes of an authenticator application |

mod script;
mod watch;
