//! `cargo xtask widget`: the front end's one file, its types and its page of the reference, made from
//! `widget/src`. They are part of the tree; a test fails where they are not what this makes.

use std::process::Command;

use super::{needs, node, python};
use crate::failed::Failed;
use crate::{invoke, workspace};

pub(crate) fn run() -> Result<(), Failed> {
    let target = workspace::target()?;
    let venv = python::Venv::within(&target);
    let node = node::Node::choose(&venv);
    let modules = node::Modules::widget(&target, &node);
    match node {
        node::Node::Machine => needs::install_missing(&[&modules])?,
        node::Node::Packaged(_) => {
            needs::install_missing(&[&python::System, &venv, &node, &modules])?;
        }
    }
    let mut make = Command::new(node.program());
    make.arg(workspace::root().join("widget/build.mjs"))
        .env("NODE_MODULES", modules.path());
    invoke::run(&mut make)
}
