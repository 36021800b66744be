//! A TOML file as flat `section.key` entries, each with its line.

use std::{collections::BTreeMap, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{ConfigError, Origin, Problem, sources::ConfigFile, value::Raw};

/// One value of the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) line: usize,
}

/// Flattens the file's tables. A value of a kind that no setting has (a date, a float, a table in
/// a list) is a problem of its own.
pub(super) fn flatten(file: &ConfigFile) -> Result<BTreeMap<String, Entry>, ConfigError> {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let mut flat = Flat {
        file,
        entries: BTreeMap::new(),
        problems: Vec::new(),
    };
    for error in errors {
        let line = error.span().map(|span| flat.line(span.start));
        flat.problem("", line, error.message().to_owned());
    }
    flat.add("", table.get_ref());
    if flat.problems.is_empty() {
        return Ok(flat.entries);
    }
    Err(ConfigError {
        problems: flat.problems,
    })
}

struct Flat<'a> {
    file: &'a ConfigFile,
    entries: BTreeMap<String, Entry>,
    problems: Vec<Problem>,
}

impl Flat<'_> {
    fn add(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            let line = self.line(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => self.add(&name, inner),
                other => match raw(other) {
                    Some(raw) => {
                        self.entries.insert(name, Entry { raw, line });
                    }
                    None => {
                        let kind = other.type_str();
                        self.problem(&name, Some(line), format!("no setting takes a {kind}"));
                    }
                },
            }
        }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.file.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn problem(&mut self, name: &str, line: Option<usize>, message: String) {
        let path = Path::to_path_buf(&self.file.path);
        let origin = Origin::File { path, line };
        self.problems.push(Problem {
            name: name.to_owned(),
            origin,
            message,
        });
    }
}

fn raw(value: &DeValue<'_>) -> Option<Raw> {
    if let DeValue::Array(items) = value {
        let texts = items
            .iter()
            .map(|item: &Spanned<DeValue<'_>>| scalar(item.get_ref()));
        return texts.collect::<Option<Vec<_>>>().map(Raw::List);
    }
    scalar(value).map(Raw::Text)
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
