//! Everything before the first measurement: the tools, the builds, the right core.

use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Options;
use super::process::LOAD_CORE;
use crate::apt;
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{invoke, shipped, workspace};

/// Installs and builds what is missing, then lets the release build measure.
pub(super) fn build_and_measure(options: Options, target: &Path) -> Result<(), Failed> {
    let cores = std::thread::available_parallelism().trying("this machine's cores")?;
    if cores.get() < 2 {
        return Err(Failed::new(
            "load and proxy need a core each; this machine has one",
        ));
    }
    install("setpriv", "--version", "util-linux")?;
    install("taskset", "--version", "util-linux")?;
    install("nginx", "-v", "nginx")?;
    if !options.against_itself {
        say("building Keystead as it is shipped (profile dist)");
        shipped::Build::new(None)?.run()?;
    }
    say("building the load generator");
    invoke::run(workspace::cargo().args(["build", "--locked", "--release", "--package", "xtask"]))?;

    let mut measure = Command::new("taskset");
    measure
        .args(["--cpu-list", LOAD_CORE])
        .arg(target.join("release/xtask"));
    measure.args(["bench", "--prepared"]);
    for (given, flag) in [
        (options.quick, "--quick"),
        (options.json, "--json"),
        (options.against_itself, "--against-itself"),
    ] {
        if given {
            measure.arg(flag);
        }
    }
    invoke::run(&mut measure)
}

fn install(program: &str, probe: &str, package: &str) -> Result<(), Failed> {
    if invoke::succeeds(Command::new(program).arg(probe)) {
        return Ok(());
    }
    say(format!(
        "installing {program} (what of it is a service, Debian starts at once)"
    ));
    apt::install(&[package])
}

/// Lets this process, and those it starts, have as many connections open as the machine allows.
pub(super) fn raise_descriptor_limit() -> Result<(), Failed> {
    /// A thousand streams, both sides of each, and some.
    const NEEDED: u64 = 4_096;

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if maximum.is_some_and(|maximum| maximum < NEEDED) {
        return Err(Failed::new(format!(
            "no more than {NEEDED} files may be open (ulimit -n)"
        )));
    }
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )
    .trying("ulimit -n")
}
