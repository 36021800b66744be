//! The leak scan: nothing that a test planted may lie where Keystead writes.
//!
//! Each test folder holds a file `canaries`, a line each: `KIND<TAB>value`. At the end of a run every
//! file below the folders given is searched once for every canary of the run in every encoding
//! of [`encodings`]. A value stands for something that must not be found: a test writes only those
//! that nothing may hold, and lists the files that may in `leak-allow`, a path a line relative to its
//! folder, a folder with a closing slash. Those are for the stand-in provider's recordings
//! and the answers that hand out a secret, never for what Keystead keeps.
//!
//! The search is proved first on a planted file ([`control`]): a scan that finds nothing there
//! would find nothing anywhere.

mod canary;
mod control;
mod encodings;
mod files;
mod search;

use std::path::Path;
use std::time::Instant;

use crate::failed::Failed;
use crate::say::say;
use files::Files;
use search::Search;

/// How many hits are worth reading; the first usually explains the rest.
const SHOWN: usize = 20;

/// Searches everything below `places` for the canaries that the tests left below `tests`.
pub(crate) fn scan(tests: &Path, places: &[&Path]) -> Result<(), Failed> {
    control::prove(tests)?;
    let canaries = canary::read_all(tests)?;
    if canaries.is_empty() {
        say("no test planted a canary in this run, so there is nothing to search for");
        return Ok(());
    }
    let files = Files::below(places)?;
    say(format!(
        "searching {} files ({} MB; {} left out by name) for {} canaries, plain and encoded",
        files.searched.len(),
        files.bytes / 1_000_000,
        files.allowed,
        canaries.len(),
    ));

    let began = Instant::now();
    let search = Search::new(&canaries)?;
    let mut hits = Vec::new();
    for file in &files.searched {
        hits.extend(search.file(file)?);
    }
    if hits.is_empty() {
        say(format!("no leak ({:.0} s)", began.elapsed().as_secs_f32()));
        return Ok(());
    }
    let mut report = format!("{} leaks", hits.len());
    for hit in hits.iter().take(SHOWN) {
        report.push_str(&format!("\n  {hit}"));
    }
    if hits.len() > SHOWN {
        report.push_str(&format!("\n  … and {} more", hits.len() - SHOWN));
    }
    Err(Failed::new(report))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const KEY: &str = "sk-canary-Zq8vT1mYx4Lw9Rb2";

    /// A run of one test, whose folder holds these files.
    struct Run(PathBuf);

    impl Run {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir();
            let run = Self(folder.join(format!("keystead-leaks-{}-{name}", std::process::id())));
            for (path, text) in files {
                let path = run.0.join("a_test").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            run
        }

        fn scan(&self) -> Result<(), String> {
            scan(&self.0, &[&self.0]).map_err(|failed| failed.to_string())
        }
    }

    impl Drop for Run {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_leak_is_named_by_file_kind_encoding_and_place_and_never_shown() {
        let canaries = format!("provider_key\t{KEY}\n");
        let log = format!("sending {KEY} on\n");
        let run = Run::with("plain", &[("canaries", &canaries), ("data/log", &log)]);

        let report = run.scan().unwrap_err();

        assert!(report.contains("a_test/data/log"), "{report}");
        assert!(report.contains("provider_key"), "{report}");
        assert!(report.contains("as it is, at byte 8"), "{report}");
        assert!(!report.contains("Zq8v"), "the report repeats the leak");
    }

    #[test]
    fn part_of_a_secret_is_a_leak_too() {
        let canaries = format!("provider_key\t{KEY}-and-a-long-tail-0123456789\n");
        let log = format!("sending {KEY}… on\n");
        let run = Run::with("part", &[("canaries", &canaries), ("log", &log)]);

        assert!(run.scan().unwrap_err().contains("in part"));
    }

    #[test]
    fn files_that_may_hold_a_secret_are_left_out_by_name_alone() {
        let canaries = format!("provider_key\t{KEY}\n");
        let files = [
            ("canaries", canaries.as_str()),
            ("leak-allow", "recorded/\nanswers.json\n"),
            ("recorded/1", KEY),
            ("answers.json", KEY),
        ];
        let run = Run::with("allowed", &files);

        assert_eq!(run.scan(), Ok(()));
        fs::write(run.0.join("a_test/recorded.log"), KEY).unwrap();
        assert!(run.scan().unwrap_err().contains("recorded.log"));
    }

    #[test]
    fn a_file_may_not_be_named_after_a_secret() {
        let canaries = format!("uid\t{KEY}\n");
        let run = Run::with(
            "name",
            &[("canaries", &canaries), (&format!("by-{KEY}.db"), "")],
        );

        assert!(run.scan().unwrap_err().contains("in its name"));
    }

    #[test]
    fn a_test_without_canaries_fails_the_run() {
        let run = Run::with("without", &[("log", "nothing planted")]);

        assert!(run.scan().unwrap_err().contains("left no canaries"));
    }

    #[test]
    fn a_canary_too_short_to_mean_anything_is_refused() {
        let run = Run::with("short", &[("canaries", "uid\tbob\n")]);

        assert!(run.scan().unwrap_err().contains("too short"));
    }
}
