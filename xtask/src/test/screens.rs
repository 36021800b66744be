//! `cargo xtask screens`: pictures of every page, to be looked at.
//!
//! They are made by the test that holds every page against the rules of access, from the same list of
//! pages and the same furnished server: `target/screens/NAME-WIDTH-THEME.png`.

use std::fs;

use super::folder::Folder;
use super::{cargo_test, needs};
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{invoke, workspace};

const TEST: &str = "pages::walk::everybody_can_use_every_page";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failed> {
    if let Some(argument) = arguments.first() {
        return Err(Failed::new(format!(
            "screens takes no arguments, so not `{argument}` either"
        )));
    }
    let target = workspace::target()?;
    let found = needs::meet(&target, true)?;
    let folder = Folder::make(&target)?;
    let screens = target.join("screens");
    if screens.exists() {
        // A page that is no more has no picture either.
        fs::remove_dir_all(&screens).trying(screens.display())?;
    }
    fs::create_dir_all(&screens).trying(screens.display())?;
    let mut tests = cargo_test(&found, &folder);
    tests
        .args([
            "--package",
            "keystead",
            "--test",
            "promises",
            "--",
            "--exact",
            TEST,
        ])
        .env("KEYSTEAD_TEST_SCREENS", &screens);
    let tested = invoke::run(&mut tests);
    let pictures = fs::read_dir(&screens).trying(screens.display())?.count();
    say(format!("{pictures} pictures in {}", screens.display()));
    tested
}
