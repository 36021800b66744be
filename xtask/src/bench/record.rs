//! `bench/RESULTS.md`: the latest of each measurement. What one of them writes leaves the others be.

use std::fs;
use std::path::PathBuf;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::workspace;

/// What each section begins with, in their order; the page of a run stands before them.
const PARTS: &str = "## Where the instructions of a call go\n";
const PAGES: &str = "## What the console's pages take\n";
const USAGE: &str = "## What ten million attempts take\n";
const SECTIONS: [&str; 3] = [PARTS, PAGES, USAGE];

/// Writes the page of a run against nginx.
pub(super) fn put_run(page: &str) -> Result<(), Failed> {
    change(|before| {
        let first = SECTIONS.iter().filter_map(|title| before.find(title)).min();
        let sections = first.map_or("", |at| &before[at..]);
        joined(page, sections)
    })
}

/// Writes where the instructions of a call go.
pub(super) fn put_parts(table: &str) -> Result<(), Failed> {
    let text = format!(
        "{PARTS}\nMade by `cargo xtask bench --parts`: calls of the bench's kind on 64 connections, \
         counted by valgrind's callgrind. An instruction counts for the innermost function around it \
         that is of one of these parts, whatever the compiler put into what; what serves everybody \
         (copies, the allocator, hash tables, header maps, the standard library) counts for the place \
         that called it. Sockets are the kernel's work and not in it, and so is what hardening adds to each system call \
         (`cargo bench -p keystead --bench hardening`). Calls are slow under callgrind, \
         so the ledger is written in smaller batches than under load and comes out dearer than it \
         is.\n\n{table}"
    );
    change(|before| with_section(before, PARTS, &text))
}

/// Writes the table on usage.
pub(super) fn put_usage(table: &str) -> Result<(), Failed> {
    let text = format!(
        "{USAGE}\nMade by `cargo xtask bench --usage`. An empty store takes a month of attempts \
         of ten organizations, most of them of one, with five applications, 20 AddOns, ten \
         keys, three models and 5,000 end users, in batches as the proxy writes them. Then it \
         is asked, page after page of 200 rows, by `Store::usage`; the middle of 21 times.\n\n\
         {table}"
    );
    change(|before| with_section(before, USAGE, &text))
}

/// Writes the table on the console's pages.
pub(super) fn put_pages(table: &str) -> Result<(), Failed> {
    let text = format!(
        "{PAGES}\nMade by `cargo xtask bench --pages`. A store holds a month of a million attempts \
         of one organization with 20 applications, 100 AddOns and 1,000 keys. Somebody is signed \
         in and asks for each page 40 times, within the process: what a network takes is not in \
         it. Each time is everything, from the session's look-up to the last byte of the page.\n\n\
         {table}"
    );
    change(|before| with_section(before, PAGES, &text))
}

/// The page with a section in place of the one of its title, or at its place among the others.
fn with_section(page: &str, title: &str, text: &str) -> String {
    let start = |title: &str| page.find(title);
    let later = SECTIONS.iter().skip_while(|one| **one != title).skip(1);
    let end = later
        .filter_map(|one| start(one))
        .min()
        .unwrap_or(page.len());
    let begin = start(title).unwrap_or(end);
    joined(&joined(&page[..begin], text), &page[end..])
}

fn joined(page: &str, section: &str) -> String {
    match (page.trim_end(), section) {
        (_, "") => page.to_owned(),
        ("", section) => section.to_owned(),
        (page, section) => format!("{page}\n\n{section}"),
    }
}

fn change(make: impl FnOnce(&str) -> String) -> Result<(), Failed> {
    let file: PathBuf = workspace::root().join("bench/RESULTS.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    fs::write(&file, make(&before)).trying(file.display())?;
    say(format!("written to {}", file.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_and_its_section_stand_one_blank_line_apart() {
        assert_eq!(joined("a\n", ""), "a\n");
        assert_eq!(joined("a\n", "## b\n"), "a\n\n## b\n");
    }

    #[test]
    fn a_section_takes_the_place_of_the_one_before() {
        let page = format!("a\n\n{USAGE}old\n");
        let page = with_section(&page, PARTS, &format!("{PARTS}1\n"));
        assert_eq!(page, format!("a\n\n{PARTS}1\n\n{USAGE}old\n"));
        let page = with_section(&page, USAGE, &format!("{USAGE}new\n"));
        let page = with_section(&page, PARTS, &format!("{PARTS}2\n"));
        assert_eq!(page, format!("a\n\n{PARTS}2\n\n{USAGE}new\n"));
    }
}
