//! What the tests need of the machine, and how each thing is installed where it is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{node, postgres, python, redis};
use crate::failed::Failed;
use crate::say::say;
use crate::{apt, invoke};

/// Debian's, and what somebody on Ubuntu installs, whose own is a snap and may not read the tests' folders.
const CHROMIUM: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/google-chrome-stable"];

const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/// One thing that must be there before the first test starts.
pub(super) trait Need {
    /// What it is, for people.
    fn what(&self) -> String;
    fn is_met(&self) -> bool;
    fn install(&self) -> Result<(), Failed>;
}

/// Where the SDKs and the browser were found or put.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) python: PathBuf,
    pub(super) python_previous: PathBuf,
    pub(super) node: PathBuf,
    pub(super) node_modules: PathBuf,
    pub(super) chromium: PathBuf,
    pub(super) browser_modules: PathBuf,
    pub(super) widget_modules: PathBuf,
    pub(super) react_modules: PathBuf,
}

/// Sees to it that nothing is missing; where `install` is false, what is missing is listed instead.
pub(super) fn meet(target: &Path, install: bool) -> Result<Found, Failed> {
    let venv = python::Venv::within(target);
    let node = node::Node::choose(&venv);
    let modules = node::Modules::sdks(target, &node);
    let browser_modules = node::Modules::browser(target, &node);
    let widget_modules = node::Modules::widget(target, &node);
    let react_modules = node::Modules::react(target, &node);
    let needs: [&dyn Need; 12] = [
        &Setpriv,
        &Curl,
        &postgres::Server,
        &redis::Server,
        &python::System,
        &venv,
        &node,
        &modules,
        &browser_modules,
        &widget_modules,
        &react_modules,
        &Chromium,
    ];

    if !install {
        let missing = needs.into_iter().filter(|need| !need.is_met());
        let list: String = missing.map(|need| format!("\n  {}", need.what())).collect();
        if !list.is_empty() {
            return Err(Failed::new(format!(
                "these are missing, and --no-install was given:{list}"
            )));
        }
    }
    install_missing(&needs)?;
    Ok(Found {
        python: venv.python(),
        python_previous: venv.previous(),
        node: node.program(),
        node_modules: modules.path(),
        chromium: chromium().ok_or_else(|| Failed::new("Chromium is gone again"))?,
        browser_modules: browser_modules.path(),
        widget_modules: widget_modules.path(),
        react_modules: react_modules.path(),
    })
}

/// Each is looked at in its turn: a virtual environment that is made anew takes its Node along.
pub(super) fn install_missing(needs: &[&dyn Need]) -> Result<(), Failed> {
    for need in needs {
        if need.is_met() {
            continue;
        }
        say(format!("installing {}", need.what()));
        need.install()?;
        if !need.is_met() {
            let what = need.what();
            return Err(Failed::new(format!(
                "{what}: installed, yet still not found"
            )));
        }
    }
    Ok(())
}

/// What people paste the demo's line into a shell for.
struct Curl;

impl Need for Curl {
    fn what(&self) -> String {
        "curl, which runs the line that the demo prints".to_owned()
    }

    fn is_met(&self) -> bool {
        invoke::succeeds(Command::new("curl").arg("--version"))
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&["curl"])
    }
}

/// Looks at the pages.
struct Chromium;

fn chromium() -> Option<PathBuf> {
    let mut known = CHROMIUM.iter().map(PathBuf::from);
    known.find(|path| path.exists())
}

impl Need for Chromium {
    fn what(&self) -> String {
        format!(
            "Chromium, as one of {}, and a font for it",
            CHROMIUM.join(", ")
        )
    }

    fn is_met(&self) -> bool {
        chromium().is_some() && Path::new(FONT).exists()
    }

    fn install(&self) -> Result<(), Failed> {
        let mut packages = vec!["fonts-dejavu-core"];
        if chromium().is_none() {
            packages.push("chromium");
        }
        apt::install(&packages)
    }
}

/// Starts a server as somebody else and ties its life to ours.
struct Setpriv;

impl Need for Setpriv {
    fn what(&self) -> String {
        "setpriv, which starts PostgreSQL without root's rights (util-linux)".to_owned()
    }

    fn is_met(&self) -> bool {
        invoke::succeeds(Command::new("setpriv").arg("--version"))
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&["util-linux"])
    }
}
