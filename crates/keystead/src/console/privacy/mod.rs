//! What is known about somebody, and its erasure.
//!
//! | path | what |
//! |---|---|
//! | `/privacy` | the data-protection page, for everybody |
//! | `/console/privacy`, `…/export`, `…/erase` | end users of the organization's applications |
//! | `/console/account/export`, `…/erase` | one's own account |
//! | `/console/organization/delete` | the organization |

mod end_users;
mod own;
mod statement;

use askama::Template;
use axum::{
    Router,
    response::Response,
    routing::{get, post},
};

use super::{Console, frame::Solo, shown};
use crate::manage::erasure::ReceiptView;

pub(super) use self::statement::statement;

/// Every route.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/privacy", get(statement::show))
        .route("/console/privacy", get(end_users::show))
        .route("/console/privacy/export", post(end_users::export))
        .route("/console/privacy/erase", post(end_users::erase))
        .route("/console/account/export", get(own::export))
        .route(
            "/console/account/erase",
            get(own::ask_erase).post(own::erase),
        )
        .route(
            "/console/organization/delete",
            get(own::ask_delete).post(own::delete),
        )
}

/// What was erased, with the receipt to keep: whoever erased themselves has no other page left.
#[derive(Template)]
#[template(path = "console/privacy/receipt.html")]
struct Receipt {
    solo: Solo,
    receipt: ReceiptView,
    /// What there was of each, and how much.
    counts: Vec<(&'static str, u64)>,
    back: Option<&'static str>,
}

pub(super) fn receipt(
    console: &Console,
    receipt: ReceiptView,
    back: Option<&'static str>,
) -> Response {
    shown(&Receipt {
        solo: Solo::new("Erased", console.place()),
        counts: counts(&receipt),
        receipt,
        back,
    })
}

/// What was erased, in words; what there was none of is not told.
fn counts(receipt: &ReceiptView) -> Vec<(&'static str, u64)> {
    let named = WORDS.iter().map(|(name, words)| {
        let count = receipt.erased[*name].as_u64();
        (*words, count.unwrap_or_default())
    });
    named.filter(|(_, count)| *count > 0).collect()
}

/// What a receipt counts, as a page calls it.
const WORDS: &[(&str, &str)] = &[
    ("applications", "Applications"),
    ("keys", "Provider keys"),
    ("memberships", "Places in organizations"),
    ("api_tokens", "API tokens"),
    ("sessions", "Sessions at the console"),
    ("credentials", "Passwords, passkeys and codes"),
    ("grants", "What applications were allowed"),
    ("consents", "What was agreed to"),
    ("access_tokens", "Access tokens"),
    (
        "bindings",
        "Objects kept at providers that were theirs alone",
    ),
    ("attempts", "Calls that no longer say whose they were"),
];
