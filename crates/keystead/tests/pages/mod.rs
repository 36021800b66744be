//! The pages, in a real browser: what people do on them, and that everybody can.
//!
//! | file | what |
//! |---|---|
//! | `stories` | what people do, a script each |
//! | `walk`, `list`, `list.json` | every page, held against the rules of access; its picture |
//! | `furnished` | a server that people have worked with |
//! | `script` | runs a script of this folder against a server, and looks at how it ended |
//! | `authorize` | the way from another site over the page that asks a person, and back |
//! | `roles` | what people of other roles see of every page |
//! | `tutorial` | what `docs/tutorial` says, step by step; its pictures |
//! | `connect` | people connect keys of their own: a host's users, and those with an account |
//! | `demo` | both sides of `keystead demo` |
//! | `examples` | what lies in `examples/`, each with its own backend |
//! | `trial` | an AddOn of every provider, tried from its page |
//! | `addon`, `addon/` | the AddOn's front end in a page of a host application |
//! | `watch` | that the watch over every script sees what it is there for |
//! | `console.mjs` | what people do again and again |
//! | `browser.mjs` | the browser, its people, the watch; virtual passkeys |
//! | `access.mjs` | axe-core's rules, and that a page fits its window |
//! | `picture.mjs` | small pictures, for documents |
//! | `totp.mjs` | the codes of an authenticator application |

mod addon;
mod authorize;
mod connect;
mod demo;
mod examples;
mod furnished;
mod list;
mod roles;
mod script;
mod stories;
mod trial;
mod tutorial;
mod walk;
mod watch;

/// One pixel.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn base64(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).unwrap()
}
