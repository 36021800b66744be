//! `bench/RESULTS.md`: the latest of each measurement. What one of them writes leaves the others be.

use std::fs;
use std::path::PathBuf;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::workspace;

/// Begins what is written of usage, up to the end.
const USAGE: &str = "## What ten million attempts take\n";

/// Writes the page of a run against nginx.
pub(super) fn put_run(page: &str) -> Result<(), Failed> {
    change(|before| {
        let usage = before.find(USAGE).map_or("", |at| &before[at..]);
        joined(page, usage)
    })
}

/// Writes the table on usage.
pub(super) fn put_usage(table: &str) -> Result<(), Failed> {
    change(|before| {
        let page = before.find(USAGE).map_or(before, |at| &before[..at]);
        let text = format!(
            "{USAGE}\nMade by `cargo xtask bench --usage`. An empty store takes a month of attempts \
             of ten organizations, most of them of one, with five applications, 20 AddOns, ten \
             keys, three models and 5,000 end users, in batches as the proxy writes them. Then it \
             is asked, page after page of 200 rows, by `Store::usage`; the middle of 21 times.\n\n\
             {table}"
        );
        joined(page, &text)
    })
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
}
