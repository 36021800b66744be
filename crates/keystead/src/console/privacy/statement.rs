//! `/privacy`: the data-protection page, at an address that stays. Its text is the operator's: a file of
//! Markdown, else the one that ships with Keystead, which says what is still to be filled in.

use std::fs;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    config,
    console::{Console, frame::Solo, markdown::Markdown, shown},
};

#[derive(Template)]
#[template(path = "console/privacy/statement.html")]
struct Page {
    solo: Solo,
    text: Markdown,
}

/// For everybody, signed in or not.
pub(super) async fn show(State(console): State<Console>) -> Response {
    shown(&Page {
        solo: Solo::new("Data protection", console.place()),
        text: console.statement().clone(),
    })
}

/// The operator's text, or the one that ships. A file that can't be read is told in the log.
pub(in crate::console) fn statement(settings: &config::Console) -> Markdown {
    let own = settings.privacy_file.as_ref().and_then(|path| {
        let read = fs::read_to_string(path);
        read.inspect_err(|error| {
            tracing::error!(%error, "`console.privacy_file` can't be read: the text that ships is shown");
        })
        .ok()
    });
    Markdown::of(own.as_deref().unwrap_or(SHIPPED))
}

const SHIPPED: &str = include_str!("../../../../../docs/privacy/data-protection.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_that_ships_says_what_is_to_be_filled_in() {
        let text = Markdown::of(SHIPPED).to_string();
        assert!(text.contains("[the operator") && text.matches("<h3>").count() > 5);
    }
}
