//! Who a server runs as: PostgreSQL refuses to be root.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use crate::failed::{Failed, Trying as _};
use crate::invoke;

/// The person who started the task or, where that is root, somebody with fewer rights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Account {
    Own,
    Other { user: u32, group: u32 },
}

impl Account {
    pub(super) fn for_servers() -> Result<Self, Failed> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let passwd = fs::read_to_string("/etc/passwd").trying("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find(&passwd, name))
            .ok_or_else(|| Failed::new("neither `postgres` nor `nobody` is a user of this machine"))
    }

    /// A program that will run as this account.
    ///
    /// Given `ends_with_us`, it gets SIGINT when the task ends in whatever way, SIGKILL included;
    /// PostgreSQL takes that as: stop now, cleanly.
    pub(super) fn command(self, program: &Path, ends_with_us: bool) -> Command {
        let mut command = Command::new("setpriv");
        if let Self::Other { user, group } = self {
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        if ends_with_us {
            command.arg("--pdeathsig=INT");
        }
        // Somebody else may not be allowed into the folder the task was started from.
        command.arg("--").arg(program).current_dir("/");
        command
    }

    /// Makes the account the owner of a folder.
    pub(super) fn own(self, folder: &Path) -> Result<(), Failed> {
        match self {
            Self::Own => Ok(()),
            Self::Other { user, group } => {
                chown(folder, Some(user), Some(group)).trying(folder.display())
            }
        }
    }

    /// Whether the account can reach a folder: not so where a parent is root's alone.
    pub(super) fn can_enter(self, folder: &Path) -> bool {
        let mut probe = self.command(Path::new("sh"), false);
        invoke::succeeds(probe.args(["-c", "cd \"$0\" && test -w ."]).arg(folder))
    }
}

/// `postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash`
fn find(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2).map(str::parse);
    let (user, group) = (ids.next()?.ok()?, ids.next()?.ok()?);
    Some(Account::Other { user, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/:/bin/sh\npostgresql:x:9:9::/:/bin/sh\npostgres:x:101:104:a,,,:/:/bin/sh\n";

        let found = find(passwd, "postgres").unwrap();

        assert!(
            matches!(
                found,
                Account::Other {
                    user: 101,
                    group: 104
                }
            ),
            "{found:?}"
        );
        assert!(find(passwd, "nobody").is_none());
    }
}
