//! What is measured: no proxy at all, nginx, and Keystead.

mod keystead;
mod nginx;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

pub(super) use keystead::Keystead;
pub(super) use nginx::Nginx;

use super::client::Connection;
use super::process::Process;
use super::{request, stand_in};
use crate::failed::{Failed, Trying as _};

/// One way for a request to reach the stand-in.
#[derive(Debug)]
pub(super) enum Subject {
    /// Straight to the stand-in: what is added is counted from here.
    Direct {
        port: u16,
    },
    Nginx(Nginx),
    Keystead(Keystead),
}

impl Subject {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Direct { .. } => "direct",
            Self::Nginx(nginx) => nginx.name(),
            Self::Keystead(_) => "keystead",
        }
    }

    /// A fresh process that has answered its first call.
    pub(super) async fn start(&self, folder: &Path) -> Result<Running, Failed> {
        let mut running = match self {
            Self::Direct { port } => Running {
                process: None,
                port: *port,
                ready: Duration::ZERO,
                calls: Calls {
                    path: request::PATH.to_owned(),
                    limited_path: request::PATH.to_owned(),
                    tokens: vec![stand_in::KEY.to_owned()],
                },
            },
            Self::Nginx(nginx) => nginx.start(folder)?,
            Self::Keystead(keystead) => keystead.start(folder)?,
        };
        running.await_first_answer(self.name()).await?;
        Ok(running)
    }
}

/// A subject that takes calls.
#[derive(Debug)]
pub(super) struct Running {
    process: Option<Process>,
    pub(super) port: u16,
    /// From the start of the process to the end of the first answer.
    pub(super) ready: Duration,
    calls: Calls,
}

/// What a call to it must look like.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) path: String,
    /// Where calls are limited in every way there is: budgets, tokens a minute, running calls.
    pub(super) limited_path: String,
    /// Access tokens; the first is used where one is enough.
    pub(super) tokens: Vec<String>,
}

impl Running {
    fn of(process: Process, port: u16, calls: Calls) -> Self {
        Self {
            process: Some(process),
            port,
            ready: Duration::ZERO,
            calls,
        }
    }

    /// The process behind it; the direct way has none.
    pub(super) fn process(&self) -> Result<&Process, Failed> {
        self.process
            .as_ref()
            .ok_or_else(|| Failed::new("there is no proxy to look at"))
    }

    /// One request with the first token.
    pub(super) fn request(&self, body: &str) -> Vec<u8> {
        request::post(&self.calls.path, &self.calls.tokens[0], body)
    }

    /// The same request where budgets hold for it.
    pub(super) fn limited_request(&self, body: &str) -> Vec<u8> {
        request::post(&self.calls.limited_path, &self.calls.tokens[0], body)
    }

    /// The same request with each of the tokens.
    pub(super) fn requests(&self, body: &str) -> Vec<Vec<u8>> {
        let Calls { path, tokens, .. } = &self.calls;
        tokens
            .iter()
            .map(|token| request::post(path, token, body))
            .collect()
    }

    pub(super) async fn await_first_answer(&mut self, name: &str) -> Result<(), Failed> {
        let patience = Duration::from_secs(60);
        let request = self.request(request::JSON);
        let started = self.process.as_ref().map(|process| process.started);
        loop {
            // One that is just starting may close what it took in a socket that was but a trial.
            let answer = match Connection::open(self.port).await {
                Ok(mut connection) => connection.call(&request).await,
                Err(error) => Err(error),
            };
            let Err(error) = answer else {
                self.ready = started.map_or(Duration::ZERO, |started| started.elapsed());
                return Ok(());
            };
            let Some(process) = &mut self.process else {
                return Err(error);
            };
            process.check(name)?;
            if process.started.elapsed() > patience {
                return Err(Failed::new(format!("{name}: {error}")));
            }
            // Short, or the wait itself would be measured; not a timer, whose step is longer.
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, Failed> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = TcpListener::bind(any).trying("no free port on loopback")?;
    Ok(listener
        .local_addr()
        .trying("a listener has an address")?
        .port())
}
