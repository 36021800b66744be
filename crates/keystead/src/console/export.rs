//! Lists as files: CSV as RFC 4180 has it, and JSON as the REST API gives it.

use axum::response::{IntoResponse as _, Response};
use http::header;
use serde::Serialize;

use super::Refused;
use crate::manage::{List, Problem};

/// How many rows a file has at most; more are asked for by narrower searches, or from the API.
pub(super) const MOST: usize = 10_000;

/// How many rows of a list are asked for at once.
pub(super) const AT_ONCE: u16 = 200;

/// A list from its first page on, up to what one file holds; `page` gives the one at a cursor.
pub(super) async fn whole<T, Page>(
    mut page: impl FnMut(Option<String>) -> Page,
) -> Result<Vec<T>, Refused>
where
    Page: Future<Output = Result<List<T>, Problem>>,
{
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let found = page(cursor).await?;
        all.extend(found.data);
        cursor = found.next_cursor;
        if cursor.is_none() || all.len() >= MOST {
            return Ok(all);
        }
    }
}

/// A file of lines: first the names of the columns, then a line a row.
pub(super) fn csv(name: &str, columns: &[&str], rows: &[Vec<String>]) -> Response {
    let mut text = columns.join(",") + "\r\n";
    for row in rows {
        let cells: Vec<_> = row.iter().map(|text| cell(text)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    file(&format!("{name}.csv"), "text/csv; charset=utf-8", text)
}

/// A file of objects.
pub(super) fn json<T: Serialize>(name: &str, rows: &[T]) -> Response {
    // What the API shows is JSON by its types.
    let text = serde_json::to_string_pretty(rows).unwrap_or_default();
    file(&format!("{name}.json"), "application/json", text)
}

/// A file of one object.
pub(super) fn object<T: Serialize>(name: &str, value: &T) -> Response {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    file(&format!("{name}.json"), "application/json", text)
}

fn file(name: &str, kind: &'static str, text: String) -> Response {
    let disposition = format!("attachment; filename=\"keystead-{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, text).into_response()
}

/// Quoted where it must be. Spreadsheets run what begins with these signs, and some begin a new cell
/// at a semicolon, a tab or the end of a line whatever the quotes say: an apostrophe goes before each.
fn cell(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut before = '\n';
    for character in text.chars() {
        let begins = matches!(before, ';' | '\t' | '\r' | '\n');
        if begins && matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r') {
            plain.push('\'');
        }
        plain.push(character);
        before = character;
    }
    let text = plain;
    match text.contains(['"', ',', '\r', '\n', '\'']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_run_nothing() {
        for (text, expected) in [
            ("Letterbox", "Letterbox"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"\n", "\"say \"\"hi\"\"\n\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("@a", "\"'@a\""),
            ("a;=b", "\"a;'=b\""),
            ("a\n-b", "\"a\n'-b\""),
            ("\t+a", "\"'\t'+a\""),
            ("a-b=c", "a-b=c"),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
