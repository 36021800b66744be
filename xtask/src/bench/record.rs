//! `bench/RESULTS.md`: the latest of each measurement. What one of them writes leaves the others be.

use std::fs;
use std::path::PathBuf;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::workspace;

/// Begins what is written of usage, up to the next.
const USAGE: &str = "## What ten million attempts take\n";
/// Begins what is written of the console's pages.
const PAGES: &str = "## What the console's pages take\n";

/// Writes the page of a run against nginx.
pub(super) fn put_run(page: &str) -> Result<(), Failed> {
    change(|before| {
        let rest = [USAGE, PAGES].map(|begin| section(before, begin));
        rest.into_iter()
            .fold(page.to_owned(), |page, rest| joined(&page, rest))
    })
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
    change(|before| put(before, PAGES, &text))
}

/// Writes the table on usage.
pub(super) fn put_usage(table: &str) -> Result<(), Failed> {
    change(|before| {
        let text = format!(
            "{USAGE}\nMade by `cargo xtask bench --usage`. An empty store takes a month of attempts \
             of ten organizations, most of them of one, with five applications, 20 AddOns, ten \
             keys, three models and 5,000 end users, in batches as the proxy writes them. Then it \
             is asked, page after page of 200 rows, by `Store::usage`; the middle of 21 times.\n\n\
             {table}"
        );
        put(before, USAGE, &text)
    })
}

/// The section that begins so, up to the next one; nothing where there is none.
fn section<'a>(page: &'a str, begin: &str) -> &'a str {
    let Some(at) = page.find(begin) else {
        return "";
    };
    let rest = &page[at..];
    let end = rest[begin.len()..].find("\n## ");
    end.map_or(rest, |end| &rest[..begin.len() + end + 1])
}

/// The page with `text` in the place of the section that begins so, or behind all others.
fn put(page: &str, begin: &str, text: &str) -> String {
    match section(page, begin) {
        "" => joined(page, text),
        before => joined(&page.replace(before, ""), text),
    }
}

fn joined(page: &str, usage: &str) -> String {
    match usage {
        "" => page.to_owned(),
        usage => format!("{}\n\n{usage}", page.trim_end()),
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
    fn a_section_takes_its_own_place_and_no_other() {
        let page = format!("a\n\n{USAGE}u\n\n{PAGES}p\n");
        assert_eq!(section(&page, USAGE), format!("{USAGE}u\n\n"));
        assert_eq!(section(&page, PAGES), format!("{PAGES}p\n"));
        let with_usage = put(&page, USAGE, &format!("{USAGE}v\n"));
        assert_eq!(with_usage, format!("a\n\n{PAGES}p\n\n{USAGE}v\n"));
        assert_eq!(
            put("a\n", PAGES, &format!("{PAGES}q\n")),
            format!("a\n\n{PAGES}q\n")
        );
    }
}
