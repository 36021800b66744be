//! The run's Redis: on loopback, in memory alone, ended with the run.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::needs::Need;
use super::postgres::free_port;
use crate::failed::{Failed, Trying as _};
use crate::say::say;
use crate::{apt, invoke};

const PROGRAM: &str = "redis-server";

/// The server program as something the run needs.
pub(super) struct Server;

impl Need for Server {
    fn what(&self) -> String {
        "Redis, through which several processes share limits".to_owned()
    }

    fn is_met(&self) -> bool {
        invoke::succeeds(Command::new(PROGRAM).arg("--version"))
    }

    fn install(&self) -> Result<(), Failed> {
        apt::install(&[PROGRAM])
    }
}

/// A running server. Dropped in whatever way, it is ended.
#[derive(Debug)]
pub(super) struct Redis {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Redis {
    pub(super) fn start(folder: &Folder) -> Result<Self, Failed> {
        let (port, log) = (free_port()?, folder.path().join("redis.log"));
        say(format!("starting Redis on port {port}"));
        let process = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "--", PROGRAM])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log).trying(log.display())?)
            .stderr(Stdio::null())
            .spawn()
            .trying("setpriv")?;
        let mut server = Self { process, port, log };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn wait_until_ready(&mut self) -> Result<(), Failed> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if self.process.try_wait().trying(PROGRAM)?.is_some() {
                break;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Err(Failed::new(format!("Redis did not start; it says:\n{log}")))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
