//! Debian's and Ubuntu's packages.

use std::process::Command;

use crate::failed::Failed;
use crate::invoke;
use crate::say::say;

/// Installs packages, with sudo where the person is not root.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failed> {
    say(format!("  by apt: {}", packages.join(" ")));
    let privilege: &[&str] = if rustix::process::geteuid().is_root() {
        &[]
    } else {
        &["sudo"]
    };
    let apt = [
        privilege,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
    ]
    .concat();
    let run =
        |words: &[&str]| invoke::run_quietly(Command::new(apt[0]).args(&apt[1..]).args(words));
    run(&["update", "-qq"])?;
    run(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}
