//! `cargo xtask`: the project's own tasks.
//!
//! | task | what it answers |
//! |---|---|
//! | [`test`] | does it all work, on this machine, with real servers, and did any secret leak? |
//! | [`test::screens`] | what do the pages look like, wide and narrow, light and dark? |
//! | [`test::widget`] | makes the one file that pages load, from `widget/src` |
//! | [`lint`] | is it formatted, free of warnings, and within the house rules? |
//! | [`bench`] | how fast is it, held against nginx on the same machine? |
//! | [`shipped::guide`] | what do calls do most, so that the shipped program is laid out by it? |
//! | [`dist`] | what is handed out: one static file that runs anywhere |
//!
//! A task installs what it lacks and says so. Talk goes to standard error; standard output is data.

mod apt;
mod bench;
mod dist;
mod failed;
mod invoke;
mod leaks;
mod lint;
mod say;
mod shipped;
mod test;
mod workspace;

use std::process::ExitCode;

use failed::Failed;
use say::say;

const USAGE: &str = "\
usage: cargo xtask TASK

  test [--long] [--no-install] [FILTER…]   every test, then the leak scan of the run
  screens [--tutorial]                     a picture of every page, into target/screens; or those
                                           of the tutorial, into docs/tutorial
  widget                                   the AddOn's front end, from widget/src into widget/dist
  lint                                     formatting, clippy, house rules, licences, bans
  bench [--quick] [--json] [--against-itself] [--usage] [--pages] [--parts]
                                           speed and memory as ratios to nginx, how fast the stores
                                           tell usage and the console draws pages, and where the
                                           instructions of a call go, into bench/RESULTS.md
  guide                                    by what calls do most, how the shipped program is laid
                                           out: into bench/profiles
  dist                                     a static program in an archive, into target/archives";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&task, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            say(format!("\n{task} failed: {failed}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, rest: &[String]) -> Result<(), Failed> {
    match task {
        "test" => test::run(&test::Options::parse(rest)?),
        "screens" => test::screens::run(rest),
        "widget" if rest.is_empty() => test::widget::run(),
        "lint" => lint::run(rest),
        "bench" => bench::run(bench::Options::parse(rest)?),
        "guide" if rest.is_empty() => shipped::guide(),
        "dist" if rest.is_empty() => dist::run(),
        // What a bench starts beside itself.
        "bench-stand-in" => bench::serve_stand_in(),
        "bench-exercise" if rest.len() == 2 => {
            bench::exercise_in(rest[0].as_ref(), rest[1].as_ref())
        }
        _ => Err(Failed::new(USAGE)),
    }
}
