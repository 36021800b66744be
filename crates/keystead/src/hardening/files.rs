//! Files: what is not named is neither read nor written from now on (Landlock, Linux 5.13 and newer).

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Outcome;

/// What a process needs of the file system, beside what every process needs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reach {
    /// Files and folders that are read.
    pub read: Vec<PathBuf>,
    /// Folders that are written in. They are made, for this user alone, where they are missing.
    pub written: Vec<PathBuf>,
}

impl Reach {
    /// A file that may be replaced while the process runs: by its name or, where it is a link, behind it.
    pub fn read_again(&mut self, path: &Path) {
        let behind = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        for path in [path, &behind] {
            self.read.push(folder_of(path));
        }
    }

    /// A file that is written, beside others that its writer makes there.
    pub fn write(&mut self, path: &Path) {
        self.written.push(folder_of(path));
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// What every process that looks up names, counts its processors and draws random numbers reads. The
/// machine's settings as a whole: a resolver's file is replaced by another one when the network changes.
const EVERYBODYS: [&str; 10] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/proc/self",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

/// Where what nobody wants goes, and who is asked for a passphrase.
const DEVICES: [&str; 2] = ["/dev/null", "/dev/tty"];

pub(super) fn give_up(reach: &Reach) -> Result<Outcome, RulesetError> {
    for folder in &reach.written {
        // Whoever writes there says what is wrong, and better.
        _ = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
    }
    // Named, not the newest there is: a right that a later kernel knows must not be taken unawares.
    let abi = ABI::V6;
    let read: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let all = AccessFs::from_all(abi);
    let written = all & !(AccessFs::Execute | AccessFs::IoctlDev);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(EVERYBODYS, read))?
        .add_rules(path_beneath_rules(DEVICES, read | AccessFs::WriteFile))?
        .add_rules(path_beneath_rules(&reach.read, read))?
        .add_rules(path_beneath_rules(&reach.written, written))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Outcome::Holds,
        RulesetStatus::PartiallyEnforced => Outcome::Partly,
        RulesetStatus::NotEnforced => Outcome::Missing("this kernel has no Landlock".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_out_of_reach() {
        let folder = std::env::temp_dir().join(format!("keystead-files-{}", std::process::id()));
        let (named, other) = (folder.join("named"), folder.join("other"));
        for folder in [&named, &other] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), "text").unwrap();
        }
        let mut reach = Reach::default();
        reach.write(&named.join("file"));
        let inside = (named.join("file"), other.join("file"));
        // It binds the thread that asks, and no other.
        let tried = std::thread::spawn(move || {
            let outcome = give_up(&reach).unwrap();
            let (named, other) = inside;
            fs::write(&named, "new").unwrap();
            fs::write(named.with_extension("tmp"), "new").unwrap();
            fs::rename(named.with_extension("tmp"), &named).unwrap();
            fs::read("/etc/hosts").unwrap();
            (
                outcome,
                fs::read(&other).is_err(),
                fs::write(&other, "new").is_err(),
            )
        });
        let (outcome, is_unread, is_unwritten) = tried.join().unwrap();
        // A kernel without Landlock keeps nobody out, and it is said.
        let holds = !matches!(outcome, Outcome::Missing(_));
        assert_eq!((is_unread, is_unwritten), (holds, holds), "{outcome:?}");
        assert_eq!(
            fs::read_to_string(other.join("file")).unwrap() == "text",
            holds
        );
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_file_that_is_renewed_is_read_wherever_its_name_leads() {
        let folder = std::env::temp_dir().join(format!("keystead-reach-{}", std::process::id()));
        let (live, archive) = (folder.join("live"), folder.join("archive"));
        for folder in [&live, &archive] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(archive.join("one.pem"), "").unwrap();
        std::os::unix::fs::symlink("../archive/one.pem", live.join("tls.pem")).unwrap();

        let mut reach = Reach::default();
        reach.read_again(&live.join("tls.pem"));
        let archive = fs::canonicalize(&archive).unwrap();
        assert_eq!(reach.read, [live, archive]);

        let mut reach = Reach::default();
        reach.write(Path::new("here.jsonl"));
        assert_eq!(reach.written, [PathBuf::from(".")]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
