//! What the fields of a form hold, and what is wrong with them.
//!
//! One type for a form that was posted and for one that is shown, so that a form that is refused
//! comes back with what was typed. What was typed into a secret's field does not come back: its
//! page takes it out.

use std::fmt;

use axum::{
    extract::{FromRequest, Request},
    response::{IntoResponse as _, Response},
};
use http::header;
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroizing;

use super::Refused;
use crate::manage::{Problem, problem::FieldError};

/// Fields by name; a field that was ticked several times has several values. Does not print.
#[derive(Default)]
pub(super) struct Form {
    fields: Vec<(String, Zeroizing<String>)>,
    wrong: Vec<Wrong>,
    heading: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The name of the field, which is the id of its input as well.
    pub(super) field: String,
    /// What is wrong and what would be right.
    pub(super) text: String,
}

impl Form {
    /// A form that shows these values.
    pub(super) fn of<const N: usize>(fields: [(&str, &str); N]) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            form.put(name, value);
        }
        form
    }

    /// Shows one more value.
    pub(super) fn put(&mut self, name: &str, value: impl Into<String>) {
        self.fields
            .push((name.to_owned(), Zeroizing::new(value.into())));
    }

    /// Whether there is a field of this name, filled in or not.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// What was typed; nothing is the empty text.
    pub(super) fn value(&self, name: &str) -> &str {
        self.filled(name).unwrap_or_default()
    }

    /// What was typed, if anything was.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Every value of the field.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let values = self.fields.iter().filter(|(field, _)| field == name);
        values.map(|(_, value)| value.trim().to_owned()).collect()
    }

    /// The lines of a field, blank ones aside.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.value(name).lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Whether the field has this value: whether a box is ticked, a choice is chosen.
    pub(super) fn has(&self, name: &str, value: &str) -> bool {
        let values = self.fields.iter().filter(|(field, _)| field == name);
        values.into_iter().any(|(_, typed)| typed.as_str() == value)
    }

    /// Takes a secret out of the form, which does not show it again.
    pub(super) fn take(&mut self, name: &str) -> Zeroizing<String> {
        let at = self.fields.iter().position(|(field, _)| field == name);
        at.map(|at| self.fields.swap_remove(at).1)
            .unwrap_or_default()
    }

    /// Keeps what is wrong, for the form to be shown again. A no that is not about what was typed
    /// goes on as what it is.
    pub(super) fn refused(&mut self, problem: Problem) -> Result<(), Refused> {
        match problem {
            Problem::Invalid(errors) => self.wrong.extend(errors.iter().map(Wrong::of)),
            Problem::Conflict { reason, .. } => self.heading = Some(sentence(&reason)),
            problem @ (Problem::KeyRefused { .. } | Problem::DestinationDiffers) => {
                self.heading = Some(sentence(&problem.detail()));
            }
            other => return Err(other.into()),
        }
        Ok(())
    }

    /// Says above the fields what is wrong, where that is about several of them.
    pub(super) fn head(&mut self, text: &str) {
        self.heading = Some(text.to_owned());
    }

    /// Marks a field as wrong.
    pub(super) fn mark(&mut self, field: &str, text: &str) {
        self.wrong.push(Wrong {
            field: field.to_owned(),
            text: text.to_owned(),
        });
    }

    /// What an act calls `field` is called `shown` on this page.
    pub(super) fn rename_field(&mut self, field: &str, shown: &str) {
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.field == field) {
            shown.clone_into(&mut wrong.field);
        }
    }

    /// What an act calls `field` is called `shown` on this page, and counted otherwise.
    pub(super) fn rename(&mut self, field: &str, shown: &str, text: &str) {
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.field == field) {
            shown.clone_into(&mut wrong.field);
            text.clone_into(&mut wrong.text);
        }
    }

    /// Whether anything is wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.heading.is_some() || !self.wrong.is_empty()
    }

    /// What the summary begins with.
    pub(super) fn heading(&self) -> &str {
        match (&self.heading, self.wrong.len()) {
            (Some(heading), _) => heading,
            (None, 1) => "One field needs another look",
            (None, _) => "Some fields need another look",
        }
    }

    /// What is wrong, field by field.
    pub(super) fn errors(&self) -> &[Wrong] {
        &self.wrong
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        let found = self.wrong.iter().find(|wrong| wrong.field == name);
        found.map(|wrong| wrong.text.as_str())
    }
}

impl Wrong {
    /// `#/origins/1` is about the second line of the field `origins`, and `#/limits/requests` about
    /// the field `limits/requests`. Texts set off what can be typed by backquotes, as Markdown does;
    /// a page does not.
    fn of(error: &FieldError) -> Self {
        let path = error.pointer.trim_start_matches("#/");
        let line = path
            .rsplit_once('/')
            .and_then(|(field, line)| Some((field, line.parse::<usize>().ok()?)));
        match line {
            Some((field, line)) => Self {
                field: field.to_owned(),
                text: format!("Line {}: {}", line + 1, error.detail.replace('`', "")),
            },
            None => Self {
                field: path.to_owned(),
                text: sentence(&error.detail.replace('`', "")),
            },
        }
    }
}

/// As people read it: with a capital letter.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(characters)
        .collect::<String>()
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refused::NoForm.into_response());
        }
        let collected = Limited::new(request.into_body(), AT_MOST).collect().await;
        let bytes = collected.map_err(|_| Refused::NoForm.into_response())?;
        let bytes = Zeroizing::new(bytes.to_bytes().to_vec());
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(&bytes) {
            form.put(&name, value.into_owned());
        }
        Ok(form)
    }
}

const AT_MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_form_shows_what_was_typed_and_not_the_secret() {
        let mut form = Form::of([
            ("name", "Letterbox"),
            ("origins", "a\n\n b "),
            ("key", "sk"),
        ]);
        form.put("scope", "x");
        form.put("scope", "y");
        assert_eq!(form.lines("origins"), ["a", "b"]);
        assert!(form.has("scope", "y") && !form.has("scope", "z"));
        assert_eq!(form.take("key").as_str(), "sk");
        assert_eq!(form.value("key"), "");

        let about = |pointer: &str, detail: &str| FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        };
        let errors = vec![
            about("#/origins/1", "expected an origin"),
            about("#/limits/budgets/0", "expected an amount"),
            about("#/limits/requests", "expected a rate such as `10/s`"),
        ];
        form.refused(Problem::Invalid(errors)).unwrap();
        let budgets = form.error("limits/budgets");
        assert_eq!(budgets, Some("Line 1: expected an amount"));
        assert_eq!(
            form.error("limits/requests"),
            Some("Expected a rate such as 10/s")
        );
        assert_eq!(form.error("origins"), Some("Line 2: expected an origin"));
        assert_eq!(form.value("name"), "Letterbox");
        assert!(form.is_wrong() && form.error("name").is_none());
        assert!(form.refused(Problem::Unavailable).is_err());
    }
}
