//! What a command prints when it worked: text for people, or one JSON value.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use crate::log::visible;

/// The outcome of a command.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) json: Value,
    pub(super) text: String,
    /// 0, or another code where the answer itself is bad news (`audit verify`).
    pub(super) exit: u8,
}

impl Answer {
    pub(super) fn new(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
            exit: 0,
        }
    }

    /// Nothing more to say: the command ran until it was told to stop.
    pub(super) fn silent() -> Self {
        Self::new(Value::Null, "")
    }

    #[must_use]
    pub(super) fn exit(mut self, code: u8) -> Self {
        self.exit = code;
        self
    }

    pub(super) fn print(self, json: bool) -> ExitCode {
        let text = match (json, self.json) {
            (true, Value::Null) => String::new(),
            (true, value) => format!("{value}\n"),
            (false, _) if self.text.is_empty() || self.text.ends_with('\n') => self.text,
            (false, _) => self.text + "\n",
        };
        // A reader that has gone (`keystead … | head`) is no failure of ours.
        _ = io::stdout().lock().write_all(text.as_bytes());
        ExitCode::from(self.exit)
    }
}

/// Prints what clap has to say: help and version to standard output, misuse to standard error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Lines of `name  value`, names padded. A value that is missing is left out.
pub(super) fn fields(rows: &[(&str, &Value)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| (*name, cell(value)))
        .collect();
    let rows: Vec<_> = rows.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        _ = writeln!(text, "{name:width$}  {value}");
    }
    text
}

/// A table of the named members of each object, under upper-case heads.
pub(super) fn table(rows: &[Value], columns: &[(&str, &str)], empty: &str) -> String {
    if rows.is_empty() {
        return format!("{empty}\n");
    }
    let heads: Vec<String> = columns
        .iter()
        .map(|(head, _)| head.to_uppercase())
        .collect();
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|(_, name)| cell(&row[*name])).collect());
    let lines: Vec<Vec<String>> = [heads].into_iter().chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|i| width(i).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// An id as one segment of a path, whatever was typed.
pub(super) fn segment(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%5F", "_")
}

/// What a server said may hold anything; a terminal must not act on it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => visible(text),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => visible(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_lines_up_and_spells_out_control_characters() {
        let rows = [
            json!({"id": "a", "on": true}),
            json!({"id": "b\u{1b}[2J", "on": null}),
        ];
        let text = table(&rows, &[("id", "id"), ("on", "on")], "none");
        assert_eq!(text, "ID          ON\na           yes\nb\\u{1b}[2J\n");
        assert_eq!(table(&[], &[("id", "id")], "No keys yet"), "No keys yet\n");
    }

    #[test]
    fn fields_leave_out_what_is_missing() {
        let (id, none) = (json!("key_1"), Value::Null);
        assert_eq!(fields(&[("key", &id), ("endpoint", &none)]), "key  key_1\n");
    }
}
