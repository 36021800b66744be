//! The run's PostgreSQL: one server, made empty, on loopback and a Unix socket, ended with the run.
//!
//! It writes as a real one does (`fsync` stays on), or the tests that kill processes would prove
//! nothing. It logs every statement with its parameters and keeps its whole write-ahead log, so
//! that the leak scan sees what ever passed through it, not only what was left in the end.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use super::needs::Need;
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{apt, invoke};

/// An empty database, which measurements fill. Tests make their own.
pub(crate) const EMPTY: &str = "keystead_empty";

/// The role tests connect as: it may create databases and nothing more.
const ROLE: &str = "keystead";

const OLDEST: u32 = 15;

/// Debian keeps each version's programs apart, and off the path.
const VERSIONS: &str = "/usr/lib/postgresql";

/// For tests: all that passes through it is to be found afterwards.
pub(super) const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
max_connections = 300
shared_buffers = 64MB
log_statement = all
log_connections = on
max_wal_size = 4GB
wal_keep_size = 4GB
wal_compression = off
autovacuum_naptime = 10min
";

/// The server program as something the run needs.
pub(super) struct Server;

impl Need for Server {
    fn what(&self) -> String {
        format!("PostgreSQL {OLDEST} or newer")
    }

    fn is_met(&self) -> bool {
        programs().is_some()
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&["postgresql"])
    }
}

/// Sees to it that it is there.
pub(crate) fn install() -> Result<(), Failed> {
    if Server.is_met() {
        return Ok(());
    }
    say(format!("installing {}", Server.what()));
    Server.install()
}

/// The folder of the newest installed version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).ok()?.filter_map(Result::ok);
    let numbers = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|&version| version >= OLDEST)
        .map(|version| {
            (
                version,
                Path::new(VERSIONS).join(version.to_string()).join("bin"),
            )
        })
        .filter(|(_, bin)| bin.join("postgres").exists())
        .max_by_key(|&(version, _)| version)
        .map(|(_, bin)| bin)
}

/// A running server. Dropped in whatever way, it is stopped.
#[derive(Debug)]
pub(crate) struct Postgres {
    process: Child,
    port: u16,
    data: Data,
}

impl Postgres {
    /// Starts one in `folder`, with these settings.
    pub(crate) fn start(folder: &Path, settings: &str) -> Result<Self, Failed> {
        let programs = programs().ok_or_else(|| Failed::new("PostgreSQL is gone again"))?;
        let account = Account::for_servers()?;
        let data = Data::make(folder, account)?;

        say(format!("starting PostgreSQL in {}", data.path().display()));
        let cluster = data.path().join("data");
        let mut initdb = account.command(&programs.join("initdb"), true);
        initdb.args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        // What initdb makes can be made again, so it need not wait for the disk.
        invoke::run_quietly(initdb.arg("--no-sync").arg("--pgdata").arg(&cluster))?;
        fs::write(cluster.join("postgresql.auto.conf"), settings).trying(cluster.display())?;

        let port = free_port()?;
        let log = data.path().join("log");
        let process = account
            .command(&programs.join("postgres"), true)
            .arg("-D")
            .arg(&cluster)
            .arg("-k")
            .arg(data.path())
            .args(["-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).trying(log.display())?)
            .spawn()
            .trying("setpriv")?;
        let mut server = Self {
            process,
            port,
            data,
        };
        server.wait_until_ready(&programs)?;
        server.command(&programs, &format!("CREATE ROLE {ROLE} LOGIN CREATEDB"))?;
        server.command(&programs, &format!("CREATE DATABASE {EMPTY} OWNER {ROLE}"))?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        self.database("postgres")
    }

    /// The address of one of its databases.
    pub(crate) fn database(&self, name: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{name}", self.port)
    }

    /// Stops the server and gives back the folder that holds all it wrote.
    pub(super) fn stop(mut self) -> Result<Data, Failed> {
        self.end();
        let path = self.data.path().to_owned();
        Ok(std::mem::replace(&mut self.data, Data::Kept(path)))
    }

    fn wait_until_ready(&mut self, programs: &Path) -> Result<(), Failed> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if self.process.try_wait().trying("PostgreSQL")?.is_some() {
                break;
            }
            if self.command(programs, "SELECT 1").is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.data.path().join("log")).unwrap_or_default();
        Err(Failed::new(format!(
            "PostgreSQL did not start; it says:\n{log}"
        )))
    }

    fn command(&self, programs: &Path, sql: &str) -> Result<(), Failed> {
        let mut psql = Command::new(programs.join("psql"));
        psql.arg("--host")
            .arg(self.data.path())
            .args(["--port", &self.port.to_string()]);
        psql.args([
            "--username=postgres",
            "--no-psqlrc",
            "--quiet",
            "--command",
            sql,
        ]);
        invoke::run_quietly(psql.arg("postgres"))
    }

    fn end(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        // SIGINT: end the connections, write everything, go. SIGKILL would leave shared memory.
        if let Some(pid) = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.process.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where a server's files lie: in the run's folder or, where its account can't reach that or the
/// path is too long for a Unix socket, in a temporary one that goes when this does.
#[derive(Debug)]
pub(super) enum Data {
    Kept(PathBuf),
    Temporary(PathBuf),
}

impl Data {
    fn make(folder: &Path, account: Account) -> Result<Self, Failed> {
        /// A socket's address holds 107 bytes of path; `/.s.PGSQL.65535` takes 15 of them.
        const LONGEST: usize = 92;

        let near = folder.join("postgres");
        fs::create_dir(&near).trying(near.display())?;
        account.own(&near)?;
        if near.as_os_str().len() <= LONGEST && account.can_enter(&near) {
            return Ok(Self::Kept(near));
        }
        let far = std::env::temp_dir().join(format!("keystead-test-{}", std::process::id()));
        fs::create_dir(&far).trying(far.display())?;
        let data = Self::Temporary(far);
        account.own(data.path())?;
        Ok(data)
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Temporary(path) => path,
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16, Failed> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).trying("no free port on loopback")?;
    Ok(listener
        .local_addr()
        .trying("a listener has an address")?
        .port())
}
