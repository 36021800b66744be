//! What is stored, why and how long: the schema, with the words that `migrations/columns.toml` has for
//! each of its columns.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    common: BTreeMap<String, String>,
    table: BTreeMap<String, TableWords>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableWords {
    about: String,
    why: String,
    kept: String,
    #[serde(default)]
    columns: BTreeMap<String, String>,
}

/// `docs/privacy/what-is-stored.md`, of tables with their columns; or what it lacks.
///
/// # Errors
///
/// One line for each table and column without words, and for each word without a column.
pub fn what_is_stored(tables: &[(String, Vec<String>)]) -> Result<String, Vec<String>> {
    let words: Words = toml::from_str(include_str!("../../migrations/columns.toml"))
        .map_err(|error| vec![error.to_string()])?;
    let mut lacking = Vec::new();
    let mut page = String::from(HEAD);
    let mut tables: Vec<_> = tables.iter().collect();
    tables.sort();
    for (name, _) in &tables {
        if let Some(table) = words.table.get(name) {
            _ = writeln!(
                page,
                "| [`{name}`](#{name}) | {} | {} | {} |",
                table.about, table.why, table.kept
            );
        }
    }
    for (name, columns) in &tables {
        let Some(table) = words.table.get(name) else {
            lacking.push(format!("table `{name}` is not explained"));
            continue;
        };
        _ = write!(page, "\n## `{name}`\n\n| column | what |\n|---|---|\n");
        for column in columns {
            match table
                .columns
                .get(column)
                .or_else(|| words.common.get(column))
            {
                Some(what) => _ = writeln!(page, "| `{column}` | {what} |"),
                None => lacking.push(format!("`{name}.{column}` is not explained")),
            }
        }
        let known: BTreeSet<_> = columns.iter().collect();
        let spare = table
            .columns
            .keys()
            .filter(|column| !known.contains(column));
        lacking.extend(spare.map(|column| format!("there is no `{name}.{column}`")));
    }
    let known: BTreeSet<_> = tables.iter().map(|(name, _)| name).collect();
    let spare = words.table.keys().filter(|name| !known.contains(name));
    lacking.extend(spare.map(|name| format!("there is no table `{name}`")));
    match lacking.is_empty() {
        true => Ok(page),
        false => Err(lacking),
    }
}

const HEAD: &str = "\
# What is stored

Made from the schema by a test: every table and every column of both stores. What is not here is not stored:
no prompt, no answer, no address of a client, no name of an end user. Times are UTC.

*About* says whom a row concerns: *account* is a person who signs in at the console; *subject* is an end user
of a host application, known by a keyed hash alone; *actor* is an id of whoever did something.

| table | about | why | how long |
|---|---|---|---|
";
