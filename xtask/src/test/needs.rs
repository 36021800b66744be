//! What the tests need of the machine, and how each thing is installed where it is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{node, postgres, python, redis};
use crate::failed::Failed;
use crate::say::say;
use crate::{apt, invoke};

const CHROMIUM: &str = "/usr/bin/chromium";

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
        chromium: CHROMIUM.into(),
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

impl Need for Chromium {
    fn what(&self) -> String {
        format!("Chromium at {CHROMIUM}, and a font for it")
    }

    fn is_met(&self) -> bool {
        Path::new(CHROMIUM).exists() && Path::new(FONT).exists()
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&["chromium", "fonts-dejavu-core"])
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
