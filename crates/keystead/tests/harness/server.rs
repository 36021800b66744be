//! The server process of a test: the real binary, a configuration, a store.
//!
//! When a [`Keystead`] is dropped its process is told to end, and the test fails if the server
//! panicked, logged an error that the test did not say it would provoke, or holds other books than
//! its providers ([`books`](super::books)).

mod prepared;

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use serde_json::Value;

use self::prepared::{Prepared, configuration};
use super::books::Books;
use super::memory::{Gate, Memory};
use super::ports::Port;
use super::{Client, Line, Provider, Relay, Store, cli, place::Place};

/// A running server with an account, and a provider that stands in for all six.
#[derive(Debug)]
pub(crate) struct Keystead {
    pub(crate) place: Place,
    pub(crate) provider: Provider,
    pub(crate) store: Store,
    pub(crate) store_url: String,
    /// Of the account that `init` made.
    pub(crate) api_token: String,
    /// Of the same account.
    pub(crate) email: String,
    /// Where this test's clients are.
    pub(crate) address: IpAddr,
    config: PathBuf,
    public: Port,
    management: Port,
    process: Mutex<Option<Child>>,
    expected_errors: Mutex<Vec<String>>,
    /// Shared by all processes on one store.
    books: Arc<Books>,
    relay: Option<Relay>,
}

impl Keystead {
    /// A server as configured by default, but for addresses.
    pub(crate) async fn start(store: Store) -> Self {
        Self::prepare(store).start().await
    }

    pub(crate) fn prepare(store: Store) -> Prepared {
        let place = Place::of_this_test();
        Prepared {
            place,
            store,
            relay: None,
            has_account: true,
            settings: Vec::new(),
        }
    }

    /// The public listener.
    pub(crate) fn public(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.public.number())
    }

    /// The management listener.
    pub(crate) fn management(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.management.number())
    }

    /// A client of the public listener.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.public(), self.address, &self.place)
    }

    /// Commands of the command line, for this server.
    pub(crate) fn command(&self, arguments: &[&str]) -> cli::Invocation {
        let url = format!("http://{}", self.public());
        cli::Invocation::new(&self.place, arguments)
            .env("KEYSTEAD_URL", &url)
            .env("KEYSTEAD_API_TOKEN", &self.api_token)
    }

    /// As [`command`](Self::command), for those that open the store themselves.
    pub(crate) fn local_command(&self, arguments: &[&str]) -> cli::Invocation {
        let config = self.config.display().to_string();
        cli::Invocation::new(&self.place, &[arguments, &["--config", &config]].concat())
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.place.path().join("data")
    }

    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&self) {
        if let Some(mut process) = self.process.lock().take() {
            self.books.process_was_killed();
            process.kill().expect("the process is ours");
            process.wait().expect("it was started");
        }
    }

    /// Tells the process twice to end: what runs is cut, what is to be written is written. Whether
    /// it has ended so.
    fn end(&self) -> bool {
        let Some(mut process) = self.process.lock().take() else {
            return true;
        };
        if let Some(relay) = &self.relay {
            relay.set(Line::Open);
        }
        for signal in [Signal::TERM, Signal::INT] {
            // One that has ended by itself can't be told.
            _ = kill_process(Pid::from_child(&process), signal);
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if process.try_wait().expect("it was started").is_some() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        process.kill().expect("the process is ours");
        process.wait().expect("it was started");
        false
    }

    /// Asks the process to stop.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let process = self.process.lock();
        let pid = Pid::from_child(process.as_ref().expect("the server runs"));
        kill_process(pid, signal).expect("the process is ours");
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn ended(&self, patience: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            let ended = self
                .process
                .lock()
                .as_mut()
                .and_then(|p| p.try_wait().unwrap());
            if let Some(status) = ended {
                self.process.lock().take();
                return status;
            }
            assert!(
                began.elapsed() < patience,
                "the server has not ended within {patience:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.lock().as_ref().expect("the server runs").id()
    }

    /// The most memory that the process had so far, in KiB.
    pub(crate) fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.unwrap().trim().strip_suffix(" kB").unwrap();
        most.parse().unwrap()
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&self) -> bool {
        let mut process = self.process.lock();
        process
            .as_mut()
            .is_some_and(|process| process.try_wait().unwrap().is_none())
    }

    /// Starts the process again, after [`kill`](Self::kill) or a stop.
    pub(crate) async fn start_again(&self) {
        self.start_again_with(&[]).await;
    }

    /// As [`start_again`](Self::start_again), with these variables in the environment.
    pub(crate) async fn start_again_with(&self, environment: &[(&str, &str)]) {
        *self.process.lock() = Some(serve(&self.place, &self.config, environment));
        self.is_ready().await;
    }

    /// As [`start_again`](Self::start_again), with the memory of the process in sight.
    pub(crate) async fn start_in_sight(&self) -> Memory {
        let text = fs::read_to_string(&self.config).expect("it was written");
        let pipe = self.place.path().join("configuration.pipe");
        let gate = Gate::make(&pipe);
        let pid = {
            let mut process = self.process.lock();
            process.insert(serve(&self.place, &pipe, &[])).id()
        };
        let memory = gate.open(pid, &text);
        // Nobody writes to it any more, so whoever read it would wait for ever.
        fs::remove_file(&pipe).expect("it was made");
        self.is_ready().await;
        memory
    }

    /// Another process on the same store, with the same root key and the same provider.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_with(&[]).await
    }

    /// As [`beside`](Self::beside), with these settings as TOML values.
    pub(crate) async fn beside_with(&self, settings: &[(&str, &str)]) -> Self {
        let place = Place::of_this_test();
        place.plant("api_token", &self.api_token);
        let (public, management) = (Port::take(), Port::take());
        let config = place.path().join("keystead.toml");
        let root_key = self.data_dir().join("root.key");
        let root_key = format!("\"{}\"", root_key.display());
        let settings = settings.iter().copied();
        let settings: Vec<_> = settings
            .chain([("root_key.file", &*root_key)])
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let ports = (&public, &management);
        let text = configuration(&place, &self.store_url, &self.provider, ports, &settings);
        fs::write(&config, text).expect("the test's folder can be written");
        let beside = Self {
            place,
            provider: self.provider.clone(),
            store: self.store,
            store_url: self.store_url.clone(),
            api_token: self.api_token.clone(),
            email: self.email.clone(),
            address: self.address,
            config,
            public,
            management,
            process: Mutex::new(None),
            expected_errors: Mutex::default(),
            books: self.books.clone(),
            relay: None,
        };
        beside.start_again().await;
        beside
    }

    /// A line of the log that is an error holds `text`, and that is what the test is about.
    pub(crate) fn expects_errors(&self, text: &str) {
        self.expected_errors.lock().push(text.to_owned());
    }

    /// The log so far, a JSON object a line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = self.place.read("stderr");
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// What the metrics page says of one series: its name with its labels, as printed.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let page = get(self.management(), "/metrics").unwrap_or_default();
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        // A counter with labels comes into being with its first count; what it is, is always said.
        let name = series.split('{').next().unwrap_or_default();
        let family = name.strip_suffix("_total").unwrap_or(name);
        let is_told = page.contains(&format!("# TYPE {family} "));
        let is_known = page.is_empty() || line.is_some() || (series.contains('{') && is_told);
        assert!(is_known, "there is no metric {series}");
        line.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    async fn is_ready(&self) {
        let began = Instant::now();
        while !get(self.management(), "/readyz").is_some_and(|answer| answer.contains(" 200 ")) {
            let log = || self.place.read("stderr");
            assert!(self.is_running(), "the server ended; it says:\n{}", log());
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "not ready; it says:\n{}",
                log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn unexpected_errors(&self) -> Vec<Value> {
        let expected = self.expected_errors.lock();
        let mut lines = self.log();
        lines.retain(|line| line["level"] == "error");
        lines.retain(|line| {
            let text = line.to_string();
            !expected.iter().any(|known| text.contains(known))
        });
        lines
    }
}

impl Drop for Keystead {
    fn drop(&mut self) {
        let was_running = self.is_running();
        let page = was_running.then(|| get(self.management(), "/metrics").unwrap_or_default());
        if std::thread::panicking() {
            self.kill();
            return;
        }
        assert!(self.end(), "the server did not end when it was told to");
        if let Some(page) = page {
            self.place.keep("metrics", page.as_bytes());
            assert!(
                page.contains("keystead_panics_total 0"),
                "the server panicked: {page}"
            );
        }
        let errors = self.unexpected_errors();
        assert!(errors.is_empty(), "the server logged errors: {errors:#?}");
        let said = self.place.read("stderr");
        assert!(!said.contains("panicked at"), "the server panicked: {said}");
        // Whoever ends last looks.
        if Arc::strong_count(&self.books) == 1 {
            self.books.check();
        }
    }
}

fn serve(place: &Place, config: &Path, environment: &[(&str, &str)]) -> Child {
    let open = |name| {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(place.path().join(name));
        Stdio::from(file.expect("the test's folder can be written"))
    };
    Command::new(env!("CARGO_BIN_EXE_keystead"))
        .args(["serve", "--json"])
        .arg("--config")
        .arg(config)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(open("stdout"))
        .stderr(open("stderr"))
        .spawn()
        .expect("the binary was built for this test")
}

/// A whole answer, head and all, without a runtime: for where there is none.
pub(crate) fn get(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A thousand streams are four thousand sockets, half of them ours.
fn grow_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let grown = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where it can't be grown, a test that needs more fails and says so.
    _ = setrlimit(Resource::Nofile, grown);
}
