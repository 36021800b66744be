//! Where an instruction comes from: the compiler puts functions into each other, and notes it.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::invoke;

/// A function that an instruction belongs to, and the file it was written in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) file: String,
}

/// By address, the functions it was written in, the innermost first.
#[derive(Debug, Default)]
pub(super) struct Origins(HashMap<u64, Vec<Frame>>);

impl Origins {
    /// Asks binutils' `addr2line`, which comes with every linker.
    pub(super) fn of(
        program: &Path,
        addresses: &BTreeSet<u64>,
        folder: &Path,
    ) -> Result<Self, Failed> {
        let mut text = String::new();
        for address in addresses {
            let _ = writeln!(text, "{address:#x}");
        }
        let list = folder.join("addresses");
        fs::write(&list, text).trying(list.display())?;
        let told = invoke::output(
            Command::new("addr2line")
                .args(["--addresses", "--functions", "--inlines", "--demangle"])
                .arg("--exe")
                .arg(program)
                .arg(format!("@{}", list.display())),
        )?;
        Ok(Self::parse(&told))
    }

    pub(super) fn parse(told: &str) -> Self {
        let mut origins = HashMap::new();
        let mut address = 0;
        let mut lines = told.lines();
        while let Some(line) = lines.next() {
            if let Some(digits) = line.strip_prefix("0x")
                && let Ok(next) = u64::from_str_radix(digits, 16)
            {
                address = next;
                continue;
            }
            let (file, _) = lines
                .next()
                .unwrap_or("")
                .rsplit_once(':')
                .unwrap_or_default();
            let frames: &mut Vec<_> = origins.entry(address).or_default();
            frames.push(Frame {
                function: line.to_owned(),
                file: file.to_owned(),
            });
        }
        Self(origins)
    }

    pub(super) fn frames(&self, address: u64) -> &[Frame] {
        self.0.get(&address).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_function_comes_first() {
        let told = "0x0000000000000010\ncore::ptr::read\n/rustc/1/core/ptr.rs:7\n\
            keystead::carry\n/k/proxy/mod.rs:90 (discriminator 2)\n\
            0x0000000000000020\n??\n??:0\n";

        let origins = Origins::parse(told);

        let files = origins.frames(0x10).iter().map(|frame| &*frame.file);
        assert!(files.eq(["/rustc/1/core/ptr.rs", "/k/proxy/mod.rs"]));
        assert_eq!(origins.frames(0x10)[1].function, "keystead::carry");
        assert_eq!(origins.frames(0x20).len(), 1);
        assert_eq!(origins.frames(0x30), []);
    }
}
