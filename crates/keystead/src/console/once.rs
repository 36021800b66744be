//! A secret on the one page that ever shows it.
//!
//! The page is the answer to the form that made the secret: nothing keeps it for a page to come, so
//! it is nowhere but in this answer. Loading it again sends the form again, which browsers ask about.

use askama::Template;
use axum::response::Response;
use zeroize::Zeroizing;

use super::{Frame, shown};
use crate::manage::ShownOnce;

/// The page.
#[derive(Template)]
#[template(path = "console/once.html")]
pub(super) struct Once<'a> {
    /// With the title.
    pub(super) frame: Frame,
    /// What it is for, in a sentence.
    pub(super) purpose: &'a str,
    /// What to do when it is lost.
    pub(super) lost: &'a str,
    /// What goes with it and is no secret: label and value.
    pub(super) beside: Vec<(&'a str, String)>,
    /// The environment variable that programs read it from, if programs do.
    pub(super) variable: Option<&'a str>,
    secret: Zeroizing<String>,
    /// Where to go afterwards.
    pub(super) next: String,
}

/// What the page says around the secret.
pub(super) struct Words<'a> {
    pub(super) purpose: &'a str,
    pub(super) lost: &'a str,
    pub(super) beside: Vec<(&'a str, String)>,
    pub(super) variable: Option<&'a str>,
    pub(super) next: String,
}

/// Shows a secret, this once.
pub(super) fn show(frame: Frame, words: Words<'_>, secret: &ShownOnce) -> Response {
    shown(&Once {
        frame,
        purpose: words.purpose,
        lost: words.lost,
        beside: words.beside,
        variable: words.variable,
        secret: secret.expose(),
        next: words.next,
    })
}
