//! The commands and settings that the documents show are commands and settings of this program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::{Parser as _, error::ErrorKind};

use super::Cli;
use crate::config::{
    self, Sources,
    sources::{ConfigFile, Files},
};

#[test]
fn every_command_in_the_documents_is_one() {
    let mut seen = 0;
    for (path, text) in documents() {
        for line in blocks(&text, "sh").flat_map(|block| commands(&block)) {
            let said = match Cli::try_parse_from(&line) {
                Err(error) if error.kind() == ErrorKind::DisplayVersion => Ok(()),
                said => said.map(drop).map_err(|error| error.to_string()),
            };
            assert!(said.is_ok(), "{}: {line:?}\n{said:?}", path.display());
            seen += 1;
        }
        for line in inline(&text) {
            let Err(error) = Cli::try_parse_from(&line) else {
                seen += 1;
                continue;
            };
            // In a sentence a command stands without what it needs.
            let is_short = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            assert!(is_short, "{}: {line:?}\n{error}", path.display());
            seen += 1;
        }
    }
    assert!(
        seen > 40,
        "found {seen} commands: are they still looked for?"
    );
}

#[test]
fn every_setting_in_the_documents_is_one() {
    let mut seen = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "toml") {
            let file = ConfigFile {
                path: "keystead.toml".into(),
                text: block.clone(),
            };
            // The settings that are read from files of their own.
            let urls = [
                ("/etc/keystead/store-url", "postgres://u:p@h/d"),
                ("/etc/keystead/redis-url", "rediss://u:p@h"),
                ("/etc/keystead/keep", "Bearer x"),
            ];
            let urls = urls.map(|(path, url)| (path.into(), url.to_owned()));
            let tables = blocks(&text, "toml prices");
            let tables = tables.map(|table| ("/etc/keystead/openai-prices.toml".into(), table));
            let sources = Sources {
                file: Some(file),
                environment: BTreeMap::from([("HOME".to_owned(), "/nobody".to_owned())]),
                files: Files::Fixed(tables.chain(urls).collect()),
                ..Sources::default()
            };
            let outcome = config::resolve(&sources);
            assert!(outcome.is_ok(), "{}:\n{block}\n{outcome:?}", path.display());
            seen += 1;
        }
    }
    assert!(
        seen > 3,
        "found {seen} settings files: are they still looked for?"
    );
}

/// Every page for people, those made by tests aside: they come from the code.
fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = Vec::new();
    for folder in [
        "",
        "docs",
        "docs/concepts",
        "docs/guides",
        "docs/privacy",
        "docs/runbooks",
    ] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).unwrap();
                pages.push((path, text));
            }
        }
    }
    pages
}

/// The fenced blocks in a language.
fn blocks(text: &str, language: &str) -> impl Iterator<Item = String> {
    let opening = format!("```{language}");
    let mut open: Option<String> = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match &mut open {
            Some(block) if line == "```" => found.push(std::mem::take(block)),
            Some(block) => {
                block.push_str(line);
                block.push('\n');
                continue;
            }
            None if line == opening => {
                open = Some(String::new());
                continue;
            }
            None => continue,
        }
        open = None;
    }
    found.into_iter()
}

/// The lines of a block that call Keystead, each as its arguments.
fn commands(block: &str) -> Vec<Vec<String>> {
    let whole = block.replace("\\\n", " ");
    let ours = whole.lines().filter(|line| line.starts_with("keystead "));
    ours.map(arguments).collect()
}

/// Words in backticks that begin with the program's name and are more than it.
fn inline(text: &str) -> Vec<Vec<String>> {
    let quoted = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let ours = quoted.filter(|word| word.starts_with("keystead ") && !word.contains('…'));
    ours.map(arguments).collect()
}

/// What the shell would hand over: words up to a pipe, a redirection or a remark.
fn arguments(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        let last = words.last_mut().expect("there is one from the start");
        match (character, quote) {
            ('|' | '<' | '>' | '#', None) if last.is_empty() => break,
            (' ', None) if last.is_empty() => {}
            (' ', None) => words.push(String::new()),
            ('"' | '\'', None) => quote = Some(character),
            (mark, Some(open)) if mark == open => quote = None,
            (other, _) => last.push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn a_line_is_read_as_the_shell_reads_it() {
    let line = "keystead key add --name \"Shop key\" --app A < key  # sealed";
    assert_eq!(
        arguments(line),
        ["keystead", "key", "add", "--name", "Shop key", "--app", "A"]
    );
    let block = "keystead key add --app A \\\n  --name N\ncurl x | keystead\n";
    assert_eq!(
        commands(block),
        [["keystead", "key", "add", "--app", "A", "--name", "N"]]
    );
}
