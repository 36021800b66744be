//! A page that asks before something is done that can't be undone, and says what will come of it.

use askama::Template;
use axum::response::Response;

use super::{Form, Frame, refused::wrong, shown};

/// The page.
#[derive(Template)]
#[template(path = "console/confirm.html")]
pub(super) struct Confirm {
    /// With the title.
    pub(super) frame: Frame,
    /// The way back: addresses and labels, the last of which is where Cancel leads.
    pub(super) crumbs: Vec<(String, String)>,
    /// What is asked.
    pub(super) question: String,
    /// What will come of it, a sentence each.
    pub(super) effects: Vec<String>,
    /// The name that has to be typed, if one has.
    pub(super) typed: Option<String>,
    /// What the button says.
    pub(super) button: &'static str,
    /// Whether it destroys something.
    pub(super) is_danger: bool,
    /// Where the form goes.
    pub(super) action: String,
    /// What was typed, when it is asked again.
    pub(super) form: Form,
}

impl Confirm {
    /// Asks.
    pub(super) fn ask(self) -> Response {
        let is_wrong = self.form.is_wrong();
        let page = shown(&self);
        match is_wrong {
            true => wrong(page),
            false => page,
        }
    }
}

/// How many of something, with what becomes of it.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// Whether the name was typed; if not, the form says so.
pub(super) fn is_typed(form: &mut Form, name: &str) -> bool {
    let typed = form.value("confirm") == name.trim();
    if !typed {
        let what = match name.contains('@') {
            true => "This is not the address",
            false => "This is not the name",
        };
        form.mark("confirm", what);
    }
    typed
}
