//! A Redis of a test's own, with a password, so that the test may freeze and kill it.
//!
//! Everything it is told lies in the test's folder, for the leak scan: what Keystead writes into a
//! Redis is as public as what it writes into a log.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

use super::place::Place;
use super::planted;
use super::ports::Port;

/// A running Redis that keeps nothing on disk.
#[derive(Debug)]
pub(crate) struct Redis {
    place: Place,
    port: Port,
    password: String,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    server: Child,
    /// Writes down every command.
    monitor: Child,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let place = Place::of_this_test();
        let password = place.plant("redis_password", planted::alphanumeric(32));
        let redis = Self {
            place,
            port: Port::take(),
            password,
            running: Mutex::default(),
        };
        redis.start_again();
        redis
    }

    /// Its address, password included.
    pub(crate) fn url(&self) -> String {
        self.url_with(&self.password)
    }

    /// Its address with another password.
    pub(crate) fn url_with(&self, password: &str) -> String {
        format!("redis://:{password}@127.0.0.1:{}", self.port.number())
    }

    /// It stands still; its connections stay open.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn kill(&self) {
        if let Some(mut running) = self.running.lock().take() {
            for process in [&mut running.server, &mut running.monitor] {
                process.kill().expect("the process is ours");
                process.wait().expect("it was started");
            }
        }
    }

    /// Starts it, empty.
    pub(crate) fn start_again(&self) {
        let mut server = ends_with_the_test("redis-server")
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(self.file("redis-log"))
            .spawn()
            .expect("`cargo xtask test` installs Redis");
        let port = self.port.number();
        let settings = format!(
            "port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\nrequirepass {}\n",
            self.password
        );
        let mut input = server.stdin.take().expect("it is piped");
        input.write_all(settings.as_bytes()).expect("it reads them");
        drop(input);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "no Redis");
            std::thread::sleep(Duration::from_millis(10));
        }
        let monitor = ends_with_the_test("redis-cli")
            .env("REDISCLI_AUTH", &self.password)
            .args(["-p", &port.to_string(), "monitor"])
            .stdin(Stdio::null())
            .stdout(self.file("redis-commands"))
            .spawn()
            .expect("it comes with Redis");
        *self.running.lock() = Some(Running { server, monitor });
    }

    fn file(&self, name: &str) -> File {
        let path = self.place.path().join(name);
        let file = File::options().append(true).create(true).open(path);
        file.expect("the test's folder can be written")
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.lock();
        let pid = Pid::from_child(&running.as_ref().expect("it runs").server);
        kill_process(pid, signal).expect("the process is ours");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ends_with_the_test(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig=KILL", "--", program])
        .stderr(Stdio::null());
    command
}
