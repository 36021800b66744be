//! Python and the official SDKs in it, in a virtual environment under the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::needs::Need;
use crate::failed::{Failed, Trying as _};
use crate::{apt, invoke};

const REQUIREMENTS: &str = include_str!("../../sdks/requirements.txt");
const PREVIOUS: &str = include_str!("../../sdks/previous.txt");

/// The machine's own Python, with what makes virtual environments.
pub(super) struct System;

impl Need for System {
    fn what(&self) -> String {
        "Python 3.10 or newer, with venv and pip".to_owned()
    }

    fn is_met(&self) -> bool {
        let probe = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
        invoke::succeeds(Command::new("python3").args(["-c", probe]))
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&["python3", "python3-venv", "python3-pip"])
    }
}

/// The virtual environment with the SDKs of `sdks/requirements.txt`.
#[derive(Debug)]
pub(super) struct Venv(PathBuf);

impl Venv {
    pub(super) fn within(target: &Path) -> Self {
        Self(target.join("test/sdks/python"))
    }

    pub(super) fn python(&self) -> PathBuf {
        self.0.join("bin/python")
    }

    /// Where older SDKs lie, to be found before the newest: a `PYTHONPATH`.
    pub(super) fn previous(&self) -> PathBuf {
        self.0.join("previous")
    }

    /// Installs what a requirements file lists.
    pub(super) fn install_from(&self, requirements: &Path) -> Result<(), Failed> {
        invoke::run_quietly(self.pip().arg("-r").arg(requirements))
    }

    fn pip(&self) -> Command {
        let mut pip = Command::new(self.python());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip
    }

    /// Written last, so that an install which broke off half-way is made anew.
    fn mark(&self) -> PathBuf {
        self.0.join("installed.txt")
    }
}

impl Need for Venv {
    fn what(&self) -> String {
        "schemathesis, Authlib, standardwebhooks and the official Python SDKs: openai, anthropic, \
         deepl, azure-ai-vision-imageanalysis"
            .into()
    }

    fn is_met(&self) -> bool {
        fs::read_to_string(self.mark()).is_ok_and(|installed| installed == pinned())
            && invoke::succeeds(Command::new(self.python()).args(["-c", "import openai"]))
    }

    fn install(&self) -> Result<(), Failed> {
        let make = ["-m", "venv", "--clear"];
        invoke::run_quietly(Command::new("python3").args(make).arg(&self.0))?;
        let sdks = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdks");
        self.install_from(&sdks.join("requirements.txt"))?;
        // What they stand on is there already.
        let mut beside = self.pip();
        beside
            .arg("--no-deps")
            .arg("--target")
            .arg(self.previous())
            .arg("-r")
            .arg(sdks.join("previous.txt"));
        invoke::run_quietly(&mut beside)?;
        fs::write(self.mark(), pinned()).trying(self.mark().display())
    }
}

fn pinned() -> String {
    [REQUIREMENTS, PREVIOUS].concat()
}
