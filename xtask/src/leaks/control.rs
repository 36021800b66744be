//! The positive control: before a run is searched, the search must find what is planted for it.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::canary::Canary;
use super::search::Search;
use crate::failed::{Failed, Trying as _};

/// What is planted: it needs escaping in every form that escapes, and differs in every alphabet.
const VALUE: &str = "control-key \"Zoë\"/??>>~+%\\9f3b7c";

/// Every form, written as other programs write it: spelt out by hand (made with Python's standard
/// library) or, where neighbours matter, encoded together with them.
fn planted() -> Vec<(&'static str, Vec<u8>)> {
    let base64 = |before: &str| {
        STANDARD
            .encode(format!("{before}{VALUE}after"))
            .into_bytes()
    };
    let base64url = |before: &str| {
        URL_SAFE
            .encode(format!("{before}{VALUE}after"))
            .into_bytes()
    };
    let utf16: Vec<u16> = VALUE.encode_utf16().collect();
    let hex = "636f6e74726f6c2d6b657920225a6fc3ab222f3f3f3e3e7e2b255c396633623763";
    vec![
        ("as it is", VALUE.into()),
        ("in hexadecimal", hex.into()),
        ("in upper-case hexadecimal", hex.to_uppercase().into()),
        (
            "in little-endian UTF-16",
            utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        ),
        (
            "in big-endian UTF-16",
            utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ),
        (
            "escaped as in JSON",
            r#"control-key \"Zoë\"/??>>~+%\\9f3b7c"#.into(),
        ),
        (
            "escaped as in JSON, ASCII only",
            r#"control-key \"Zo\u00eb\"/??>>~+%\\9f3b7c"#.into(),
        ),
        (
            "percent-encoded",
            "control%2Dkey%20%22Zo%C3%AB%22%2F%3F%3F%3E%3E%7E%2B%25%5C9f3b7c".into(),
        ),
        (
            "percent-encoded but for -._~",
            "control-key%20%22Zo%C3%AB%22%2F%3F%3F%3E%3E~%2B%25%5C9f3b7c".into(),
        ),
        (
            "percent-encoded in lower case",
            "control-key%20%22Zo%c3%ab%22%2f%3f%3f%3e%3e~%2b%25%5c9f3b7c".into(),
        ),
        ("in base64, first alignment", base64("")),
        ("in base64, second alignment", base64("b")),
        ("in base64, third alignment", base64("be")),
        ("in base64url, first alignment", base64url("")),
        ("in base64url, second alignment", base64url("b")),
        ("in base64url, third alignment", base64url("be")),
        ("in part", VALUE.as_bytes()[8..24].into()),
    ]
}

/// Searches a file in `folder` for each form in turn; a form that is not found fails the run.
pub(super) fn prove(folder: &Path) -> Result<(), Failed> {
    let canary = Canary {
        kind: "control_key".to_owned(),
        value: VALUE.into(),
    };
    let search = Search::new(&[canary])?;
    let path = folder.join("planted-for-the-search");
    for (form, bytes) in planted() {
        let file = [&[b'\n'; 4096], &bytes[..], &[b'\n'; 4096]].concat();
        fs::write(&path, file).trying(path.display())?;
        let hits = search.file(&path);
        fs::remove_file(&path).trying(path.display())?;
        if !hits?.iter().any(|hit| hit.form == form) {
            return Err(Failed::new(format!(
                "the leak scan is blind: not found {form}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::leaks::encodings::forms;

    #[test]
    fn every_form_that_is_searched_for_is_planted_first() {
        let canary = Canary {
            kind: "control_key".to_owned(),
            value: VALUE.into(),
        };
        let sought: HashSet<_> = forms(&canary).iter().map(|form| form.name).collect();
        let proved: HashSet<_> = planted().iter().map(|(form, _)| *form).collect();
        assert_eq!(sought, proved);
    }
}
