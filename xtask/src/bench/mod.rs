//! `cargo xtask bench`: Keystead's speed as a ratio to nginx doing the bare minimum.
//!
//! Both stand between the same load and the same stand-in provider, on the same machine, in turn.
//! Load and stand-in share one core, the proxy has another to itself. A figure is the ratio within
//! one round; its median and quartiles over all rounds are what is told. Absolute times are of this
//! machine and this day only.
//!
//! Beside that, how long the stores take to say what was used ([`usage`]), how long the console's
//! pages take ([`pages`]), and where the instructions of a call go ([`parts`]).
//!
//! The measuring itself is done by a release build of this program, started on the load's core.

mod client;
mod figure;
mod machine;
mod measure;
mod pages;
mod parts;
mod prepare;
mod process;
mod record;
mod report;
mod request;
mod rounds;
mod sheet;
mod stand_in;
mod statistics;
mod subject;
mod tokens;
mod usage;

pub(crate) use stand_in::serve as serve_stand_in;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{invoke, shipped, workspace};
use process::{LOAD_CORE, Process};
use rounds::Plan;
use subject::{Keystead, Nginx, Subject};

/// What the command line asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Under three minutes, with fewer rounds.
    quick: bool,
    /// One object on standard output.
    json: bool,
    /// nginx in Keystead's place: how far ratios stray from 1 on this machine by themselves.
    against_itself: bool,
    /// What was used, asked of stores that hold much, and nothing else.
    usage: bool,
    /// The console's pages, of a store that holds much, and nothing else.
    pages: bool,
    /// Where the instructions of a call go, and nothing else.
    parts: bool,
    /// Everything is built, and this is the release build on its core.
    prepared: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failed> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--against-itself" => options.against_itself = true,
                "--usage" => options.usage = true,
                "--pages" => options.pages = true,
                "--parts" => options.parts = true,
                "--prepared" => options.prepared = true,
                other => return Err(Failed::new(format!("`{other}` is not an option of bench"))),
            }
        }
        Ok(options)
    }

    /// As a person would type it.
    fn command_line(self) -> String {
        let flags = [
            (self.quick, " --quick"),
            (self.json, " --json"),
            (self.against_itself, " --against-itself"),
        ];
        let given: String = flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, flag)| *flag)
            .collect();
        format!("cargo xtask bench{given}")
    }
}

pub(crate) fn run(options: Options) -> Result<(), Failed> {
    let target = workspace::target()?;
    if options.prepared {
        return measure(options);
    }
    let is_one_of_them = options.usage || options.pages || options.parts;
    if !is_one_of_them {
        prepare::build_and_measure(options, &target)?;
    }
    let is_full = !(is_one_of_them || options.quick || options.against_itself);
    if options.parts || is_full {
        parts::run(options.parts && options.json)?;
    }
    // Last: they leave the disk busy.
    if options.pages || is_full {
        pages::run(options.pages && options.json)?;
    }
    if options.usage || is_full {
        usage::run(options.usage && options.json)?;
    }
    Ok(())
}

fn measure(options: Options) -> Result<(), Failed> {
    prepare::raise_descriptor_limit()?;
    let load = machine::load();
    if load > 0.7 {
        say(format!(
            "this machine is busy (load {load}): expect figures that stray"
        ));
    }
    let program = shipped::Build::new(None)?.program();
    let folder = Folder::make()?;
    let stand_in = StandIn::start(&folder.0)?;
    let plan = if options.quick {
        Plan::QUICK
    } else {
        Plan::FULL
    };

    let nginx = |name| Subject::Nginx(Nginx::new(name, stand_in.port, plan.tokens));
    let candidate = if options.against_itself {
        nginx("nginx-again")
    } else {
        say("setting Keystead up by its commands");
        Subject::Keystead(Keystead::set_up(
            &program,
            &folder.0,
            stand_in.port,
            plan.tokens,
        )?)
    };
    let candidate_name = candidate.name().to_owned();
    let subjects = [
        Subject::Direct {
            port: stand_in.port,
        },
        nginx("nginx"),
        candidate,
    ];

    let sheet = rounds::run(plan, &subjects, &folder.0)?;
    drop(stand_in);

    let report = report::Report::new(&sheet, &candidate_name);
    say(report.table());
    if options.json {
        crate::say::print(report.json());
    }
    if options.against_itself {
        return Ok(());
    }
    let machine = machine::describe(&program, load)?;
    record::put_run(&report.page(&machine, &options.command_line()))
}

/// Puts a program with counters in it through everything that is measured.
pub(crate) fn exercise(program: &Path) -> Result<Counts, Failed> {
    let folder = Folder::make()?;
    let this = std::env::current_exe().trying("this program's own path")?;
    let mut exercise = Command::new(this);
    exercise.arg("bench-exercise").arg(program).arg(&folder.0);
    // Within the data folder: a server that has hardened itself may write nowhere else.
    let file = folder.0.join("keystead/data/%p.profraw");
    invoke::run(exercise.env("LLVM_PROFILE_FILE", file))?;
    Ok(Counts(folder))
}

/// What [`exercise`] does, where the program and all that is started beside it know where counts go.
pub(crate) fn exercise_in(program: &Path, folder: &Path) -> Result<(), Failed> {
    prepare::raise_descriptor_limit()?;
    let stand_in = StandIn::start(folder)?;
    let plan = Plan::ONCE;
    let keystead = Keystead::set_up(program, folder, stand_in.port, plan.tokens)?;
    rounds::run(plan, &[Subject::Keystead(keystead)], folder).map(drop)
}

/// What the counters of an exercised program have counted; gone when dropped.
pub(crate) struct Counts(Folder);

impl Counts {
    /// One file a process.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, Failed> {
        let folder = self.0.0.join("keystead/data");
        let entries = std::fs::read_dir(&folder).trying(folder.display())?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let is_count = |path: &PathBuf| path.extension().is_some_and(|end| end == "profraw");
        Ok(paths.filter(is_count).collect())
    }
}

/// Where the servers under test keep their files; gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failed> {
        let folder = std::env::temp_dir().join(format!("keystead-bench-{}", std::process::id()));
        std::fs::create_dir(&folder).trying(folder.display())?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The running stand-in.
struct StandIn {
    port: u16,
    _process: Process,
}

impl StandIn {
    fn start(folder: &Path) -> Result<Self, Failed> {
        let program = std::env::current_exe().trying("this program's own path")?;
        let mut command = Command::new(program);
        command.arg("bench-stand-in");
        let mut process = Process::start(&command, LOAD_CORE, &folder.join("stand-in.stderr"))?;
        let mut line = String::new();
        let stdout = process.stdout().expect("standard output is a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .trying("the stand-in")?;
        let port = line.trim().parse().trying("the stand-in's port")?;
        Ok(Self {
            port,
            _process: process,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_told_as_it_was_typed() {
        let arguments = ["--json", "--quick", "--prepared"].map(str::to_owned);

        let options = Options::parse(&arguments).unwrap();

        assert_eq!(options.command_line(), "cargo xtask bench --quick --json");
        assert!(Options::parse(&["--fast".to_owned()]).is_err());
    }
}
