//! `cargo xtask screens`: pictures of every page, to be looked at; with `--tutorial`, those that stand
//! in `docs/tutorial`.
//!
//! The first are made by the test that holds every page against the rules of access, from the same
//! list of pages and the same furnished server: `target/screens/NAME-WIDTH-THEME.png`; and by the one
//! that brings the AddOn into each of its states: `widget-STATE-WIDTH-THEME.png`. The others by
//! the test that does what the tutorial says.

use std::fs;
use std::path::Path;

use super::folder::Folder;
use super::{cargo_test, needs};
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{invoke, workspace};

const EVERY_PAGE: [&str; 2] = [
    "pages::walk::everybody_can_use_every_page",
    "pages::addon::everybody_can_use_every_state_of_an_addon",
];
const TUTORIAL: &str = "pages::tutorial::a_newcomer_comes_to_a_streamed_answer";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failed> {
    match arguments {
        [] => every_page(),
        [only] if only == "--tutorial" => tutorial(),
        _ => Err(Failed::new("screens takes `--tutorial` or nothing")),
    }
}

fn every_page() -> Result<(), Failed> {
    let screens = workspace::target()?.join("screens");
    if screens.exists() {
        // A page that is no more has no picture either.
        fs::remove_dir_all(&screens).trying(screens.display())?;
    }
    fs::create_dir_all(&screens).trying(screens.display())?;
    take(&EVERY_PAGE, "KEYSTEAD_TEST_SCREENS", &screens)
}

fn tutorial() -> Result<(), Failed> {
    let folder = workspace::root().join("docs/tutorial");
    take(&[TUTORIAL], "KEYSTEAD_TEST_TUTORIAL", &folder)
}

/// Runs the tests, told by `variable` that their pictures go into `screens`.
fn take(names: &[&str], variable: &str, screens: &Path) -> Result<(), Failed> {
    let target = workspace::target()?;
    let found = needs::meet(&target, true)?;
    let folder = Folder::make(&target)?;
    let mut tests = cargo_test(&found, &folder);
    tests
        .args([
            "--package",
            "keystead",
            "--test",
            "promises",
            "--",
            "--exact",
            // Pictures take their time, and each script has so much of it.
            "--test-threads=1",
        ])
        .args(names)
        .env(variable, screens);
    let tested = invoke::run(&mut tests);
    let entries = fs::read_dir(screens).trying(screens.display())?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let pictures = names.filter(|path| path.extension().is_some_and(|kind| kind == "png"));
    say(format!(
        "{} pictures in {}",
        pictures.count(),
        screens.display()
    ));
    tested
}
