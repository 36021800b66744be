//! `cargo xtask test`: every test of the workspace against real servers, then one leak scan.
//!
//! A run has a folder of its own, `target/test/run-PID`, which stays until the next run so that a
//! failure can be read in peace:
//!
//! | path | what |
//! |---|---|
//! | `servers/` | one folder a test: its server's data, output, dumps, `canaries`, `leak-allow` |
//! | `postgres/` | the run's PostgreSQL: its data and its log |
//! | `redis.log` | what the run's Redis said |
//!
//! What tests are told, by environment variable:
//!
//! | name | value |
//! |---|---|
//! | `KEYSTEAD_TEST_RUN` | the `servers` folder; what each test leaves there is searched at the end |
//! | `KEYSTEAD_TEST_POSTGRES` | `postgres://…` of a role that may create databases |
//! | `KEYSTEAD_TEST_REDIS` | `redis://…` of a Redis that keeps nothing; tests that stop one start their own |
//! | `KEYSTEAD_TEST_PYTHON` | a Python that has the official SDKs |
//! | `KEYSTEAD_TEST_PYTHON_PREVIOUS` | a `PYTHONPATH` with the SDKs' generation before |
//! | `KEYSTEAD_TEST_NODE` | a Node that the official SDKs accept |
//! | `KEYSTEAD_TEST_NODE_MODULES` | the folder those SDKs lie in |
//! | `KEYSTEAD_TEST_CHROMIUM` | the browser that looks at the pages |
//! | `KEYSTEAD_TEST_BROWSER_MODULES` | the folder of what drives it |
//! | `KEYSTEAD_TEST_WIDGET_MODULES` | the folder of what makes the widget's file |
//! | `KEYSTEAD_TEST_REACT_MODULES` | the folder of what the React example is built with |
//! | `KEYSTEAD_TEST_SCREENS` | set by `cargo xtask screens`: where pictures of the pages go |
//! | `KEYSTEAD_TEST_TUTORIAL` | set by `cargo xtask screens --tutorial`: where those of the tutorial go |
//! | `KEYSTEAD_TEST_LONG` | set to `1` by `--long` |

mod account;
mod folder;
mod needs;
mod node;
pub(crate) mod postgres;
mod python;
mod redis;
pub(crate) mod screens;
pub(crate) mod widget;

use std::process::Command;
use std::time::Instant;

use crate::failed::Failed;
use crate::say::say;
use crate::{invoke, leaks, workspace};
use folder::Folder;
use needs::Found;
use postgres::Postgres;
use redis::Redis;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    long: bool,
    no_install: bool,
    filters: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failed> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--long" => options.long = true,
                "--no-install" => options.no_install = true,
                flag if flag.starts_with('-') => {
                    return Err(Failed::new(format!("`{flag}` is not an option of test")));
                }
                filter => options.filters.push(filter.to_owned()),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Failed> {
    let began = Instant::now();
    let target = workspace::target()?;
    let found = needs::meet(&target, !options.no_install)?;

    let folder = Folder::make(&target)?;
    say(format!("this run's folder is {}", folder.path().display()));
    let postgres = Postgres::start(folder.path(), postgres::SETTINGS)?;
    let redis = Redis::start(&folder)?;

    let mut tests = cargo_test(&found, &folder);
    tests
        // One program's failure hides no other's.
        .args(["--workspace", "--no-fail-fast", "--"])
        .args(&options.filters)
        .env("KEYSTEAD_TEST_POSTGRES", postgres.url())
        .env("KEYSTEAD_TEST_REDIS", redis.url());
    if options.long {
        tests.env("KEYSTEAD_TEST_LONG", "1");
    }
    say("running every test (cargo test --workspace)");
    let tested = invoke::run(&mut tests);

    // Stopped before the search, so that everything it held in memory lies in its files.
    let data = postgres.stop()?;
    let searched = leaks::scan(&folder.servers(), &[folder.path(), data.path()]);

    say(format!("{:.0} s in all", began.elapsed().as_secs_f32()));
    match (tested, searched) {
        (Ok(()), searched) => searched,
        (tested, Ok(())) => tested,
        (Err(tested), Err(searched)) => Err(Failed::new(format!("{tested}\n{searched}"))),
    }
}

/// Tests that are told where everything is, but for servers beside ours.
fn cargo_test(found: &Found, folder: &Folder) -> Command {
    let mut tests = workspace::cargo();
    tests
        .args(["test", "--locked"])
        .env("KEYSTEAD_TEST_RUN", folder.servers())
        .env("KEYSTEAD_TEST_PYTHON", &found.python)
        .env("KEYSTEAD_TEST_PYTHON_PREVIOUS", &found.python_previous)
        .env("KEYSTEAD_TEST_NODE", &found.node)
        .env("KEYSTEAD_TEST_NODE_MODULES", &found.node_modules)
        .env("KEYSTEAD_TEST_CHROMIUM", &found.chromium)
        .env("KEYSTEAD_TEST_BROWSER_MODULES", &found.browser_modules)
        .env("KEYSTEAD_TEST_WIDGET_MODULES", &found.widget_modules)
        .env("KEYSTEAD_TEST_REACT_MODULES", &found.react_modules);
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_filters_come_in_any_order() {
        let arguments = ["store", "--long", "proxy", "--no-install"].map(str::to_owned);

        let options = Options::parse(&arguments).unwrap();

        let filters = vec!["store".to_owned(), "proxy".to_owned()];
        assert_eq!(
            options,
            Options {
                long: true,
                no_install: true,
                filters
            }
        );
    }

    #[test]
    fn a_misspelt_flag_is_refused_by_name() {
        let refused = Options::parse(&["--loong".to_owned()]).unwrap_err();

        assert!(refused.to_string().contains("`--loong`"), "{refused}");
    }
}
