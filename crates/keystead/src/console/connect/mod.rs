//! `/connect`: people's own keys. Who has an account sees to theirs here; whom a host vouches for enters one
//! by the link that the host's backend asked for.
//!
//! | path | what |
//! |---|---|
//! | `/connect/l/{token}` | opens a link: the browser gets a cookie in its place, and the address is clean |
//! | `/connect/key`, `/connect/key/…` | what the link is for: entering a key, seeing to it, and back to the host |
//! | `/connect/keys` | "My keys", of an account |
//! | `/connect/new`, `/connect/keys/{id}/…` | a new key; one key, and what applications may do with it |
//!
//! The acts are [`connect`](crate::connect)'s. Every page is at the top of its window, works without
//! scripts, and holds no key: what is entered goes in by POST and does not come out.

mod add;
mod calls;
mod entry;
mod grant;
mod held;
mod key;
mod keys;
mod link;
mod terms;
mod visitor;

use axum::{
    Router,
    routing::{get, post},
};

pub(super) use self::{
    entry::{entered, hint},
    terms::Names,
};
use super::Console;

/// Every route.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/connect/l/{token}", get(link::open))
        .route("/connect/key", get(link::show).post(link::enter))
        .route("/connect/key/done", get(link::done))
        .route("/connect/key/finish", post(link::finish))
        .route("/connect/key/leave", post(link::leave))
        .route("/connect/key/check", post(held::check))
        .route("/connect/key/pause", post(held::pause))
        .route("/connect/key/withdraw", post(held::withdraw))
        .route("/connect/keys", get(keys::show))
        .route("/connect/new", get(add::show).post(add::add))
        .route("/connect/keys/{id}", get(key::show))
        .route("/connect/keys/{id}/check", post(key::check))
        .route("/connect/keys/{id}/disable", post(key::disable))
        .route("/connect/keys/{id}/enable", post(key::enable))
        .route(
            "/connect/keys/{id}/replace",
            get(key::ask_replace).post(key::replace),
        )
        .route(
            "/connect/keys/{id}/delete",
            get(key::ask_delete).post(key::delete),
        )
        .route(
            "/connect/keys/{id}/grants/{grant}",
            get(grant::show).post(grant::change),
        )
        .route(
            "/connect/keys/{id}/grants/{grant}/pause",
            post(grant::pause),
        )
        .route(
            "/connect/keys/{id}/grants/{grant}/resume",
            post(grant::resume),
        )
        .route(
            "/connect/keys/{id}/grants/{grant}/withdraw",
            post(grant::withdraw),
        )
}

/// Where a key's page is.
fn path(id: &impl ToString) -> String {
    format!("/connect/keys/{}", id.to_string())
}
