//! The connection to Redis: made, watched, and made anew; and everything that nobody waits for.
//!
//! There is one connection a process. Calls send their questions over it from the threads of the
//! data plane; the socket itself is read and written on the control runtime, where [`Link::run`]
//! notes every other second that this process is alive and which of its calls run. While there is
//! no connection it tries once a second, so that no call has to.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU32, atomic::Ordering::Relaxed},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind,
    aio::MultiplexedConnection, cmd, pipe,
};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::AbortHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{Errand, PATIENCE, Shared, SharedUrl, key::Key};
use crate::{
    limits::Wants,
    net::{ConnectError, Connector},
};

/// Keeps the connection. It must [`run`](Self::run) for anything to be shared.
pub struct Link {
    shared: Arc<Shared>,
    place: SharedUrl,
    connector: Connector,
    errands: UnboundedReceiver<Errand>,
    processes: Key,
    told: Option<Away>,
}

/// Why Redis does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Away {
    /// Nothing listens there, or the connection ended.
    #[error("Redis can't be reached")]
    Unreachable,
    /// The name stands for an address that nothing may be sent to.
    #[error(
        "the address of `limits.shared_url` may not be used: it is reserved, or Keystead's own"
    )]
    Address,
    /// TLS failed: a wrong certificate is final.
    #[error("no trusted TLS connection to Redis came about")]
    Tls,
    /// It takes too long.
    #[error("Redis does not answer in time")]
    Silent,
    /// User and password are wrong, or missing.
    #[error("Redis refuses the user and password of `limits.shared_url`")]
    Login,
    /// It is a replica, a member of a cluster, or the user may not do what is needed.
    #[error(
        "Redis refuses to do what is asked: it must take writes and scripts, and be no member of a \
         cluster"
    )]
    Refused,
    /// What comes back makes no sense.
    #[error("what answers is no Redis")]
    Strange,
}

/// A connection that answers.
pub(super) struct Live {
    connection: MultiplexedConnection,
    driver: AbortHandle,
    /// The hash of [`ADMIT`], by which Redis knows it.
    admit: String,
    /// Questions in a row without an answer.
    pub(super) failures: AtomicU32,
}

/// What Redis said to what a call wants.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// The number of the charge, or behind them of the count, that refused, from 1; 0 for none.
    pub(super) refused: usize,
    /// How long it will.
    pub(super) wait_ns: i64,
    /// What is owed of each charge's sum, now that all was taken.
    pub(super) owed_ns: Vec<i64>,
}

/// Whether Redis answers.
///
/// # Errors
///
/// Why it does not.
pub async fn look(place: &SharedUrl, connector: &Connector) -> Result<(), Away> {
    Live::open(place, &connector.clone().without_protocol())
        .await
        .map(drop)
}

impl Link {
    pub(super) fn new(
        shared: Arc<Shared>,
        place: SharedUrl,
        connector: Connector,
        errands: UnboundedReceiver<Errand>,
    ) -> Self {
        Self {
            processes: Key::processes(&shared.names),
            shared,
            // Whatever speaks HTTP is not there.
            connector: connector.without_protocol(),
            place,
            errands,
            told: None,
        }
    }

    /// Tries to connect, once.
    pub async fn connect(&mut self) {
        match self.open().await {
            Ok(live) => {
                self.told = None;
                self.shared.take_up(&live);
            }
            Err(away) => {
                let is_news = self.told.is_none_or(|told| told != away && away.lasts());
                if is_news {
                    self.shared.tell_away(away);
                    self.told = Some(away);
                }
            }
        }
    }

    /// Keeps the connection until the task is ended.
    pub async fn run(mut self) {
        loop {
            if let Some(live) = self.shared.live() {
                let away = self.serve(&live).await;
                drop(live);
                // It was told when calls gave the connection up, or is now.
                self.told = Some(away);
            }
            sleep(AGAIN).await;
            // What was meant for the old connection is of no use to the new one.
            while self.errands.try_recv().is_ok() {}
            self.connect().await;
        }
    }

    async fn open(&self) -> Result<Arc<Live>, Away> {
        let live = Arc::new(Live::open(&self.place, &self.connector).await?);
        // It must answer as fast as calls want it to, or they would give it up again at once.
        match timeout(PATIENCE, self.note(&live)).await {
            Ok(noted) => noted.map(|()| live),
            Err(_) => Err(Away::Silent),
        }
    }

    /// Serves the connection until it does not answer, and says why.
    async fn serve(&mut self, live: &Arc<Live>) -> Away {
        let mut ticks = interval(NOTED);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            let done = tokio::select! {
                () = self.shared.given_up.notified() => match self.shared.live() {
                    // It was an older one that was given up.
                    Some(now) if Arc::ptr_eq(&now, live) => continue,
                    _ => return Away::Silent,
                },
                _ = ticks.tick() => timeout(PATIENT, self.note(live)).await,
                _ = self.errands.recv_many(&mut waiting, BATCH) => {
                    timeout(PATIENT, self.run_errands(live, &mut waiting)).await
                }
            };
            if let Err(away) = done.unwrap_or(Err(Away::Silent)) {
                self.shared.give_up(live, away);
                return away;
            }
        }
    }

    /// Notes that this process is alive, and which of its calls run.
    async fn note(&self, live: &Live) -> Result<(), Away> {
        let running: Vec<(Key, String)> = {
            let running = self.shared.running.lock();
            let names = running.iter().flat_map(|(call, keys)| {
                let name = self.shared.call_name(*call);
                keys.iter().map(move |key| (key.clone(), name.clone()))
            });
            names.collect()
        };
        let none: &[(Key, String)] = &[];
        let chunks = running.chunks(BATCH);
        for chunk in chunks.chain(running.is_empty().then_some(none)) {
            let mut note = script(NOTE, 1 + chunk.len());
            note.arg(self.processes.as_str());
            for (key, _) in chunk {
                note.arg(key.as_str());
            }
            note.arg(&self.shared.me)
                .arg(millis(ALIVE))
                .arg(millis(LIFE));
            for (_, name) in chunk {
                note.arg(name);
            }
            let processes = live.query(&note).await?;
            self.shared.processes.store(processes, Relaxed);
            self.shared.metrics.shared_limits_processes(processes);
        }
        Ok(())
    }

    async fn run_errands(&self, live: &Live, errands: &mut Vec<Errand>) -> Result<(), Away> {
        let mut all = pipe();
        for errand in errands.drain(..) {
            match errand {
                Errand::Add(key, more_ns) => {
                    let mut settle = script(SETTLE, 1);
                    settle.arg(key.as_str()).arg(more_ns);
                    all.add_command(settle).ignore();
                }
                Errand::Leave(call, keys) => {
                    let name = self.shared.call_name(call);
                    for key in keys {
                        all.zrem(key.as_str(), &name).ignore();
                    }
                }
            }
        }
        let done = all.exec_async(&mut live.connection.clone()).await;
        done.map_err(Away::from)
    }
}

impl Shared {
    /// At the end: this process is no more, and nothing of it runs.
    pub async fn leave(&self) {
        let Some(live) = self.live() else { return };
        let mut all = pipe();
        let processes = Key::processes(&self.names);
        all.zrem(processes.as_str(), &self.me).ignore();
        for (call, keys) in self.running.lock().drain() {
            let name = self.call_name(call);
            for key in keys {
                all.zrem(key.as_str(), &name).ignore();
            }
        }
        // Whatever comes of it: it ends by itself.
        drop(timeout(PATIENT, all.exec_async(&mut live.connection.clone())).await);
    }
}

impl Live {
    pub(super) async fn open(place: &SharedUrl, connector: &Connector) -> Result<Self, Away> {
        let opened = timeout(PATIENT, Self::attempt(place, connector)).await;
        opened.unwrap_or(Err(Away::Silent))
    }

    async fn attempt(place: &SharedUrl, connector: &Connector) -> Result<Self, Away> {
        let io = connector.connect(&place.destination).await?;
        // Each of those who wait has a time of their own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = MultiplexedConnection::new_with_config(&place.login, io, config).await;
        let (connection, driver) = made?;
        let mut live = Self {
            connection,
            driver: tokio::spawn(driver).abort_handle(),
            admit: String::new(),
            failures: AtomicU32::new(0),
        };
        live.admit = live.query(cmd("SCRIPT").arg("LOAD").arg(ADMIT)).await?;
        Ok(live)
    }

    /// Takes all that a call wants, or nothing.
    pub(super) async fn admit(
        &self,
        wants: Wants<'_>,
        call: &str,
        running: &[Key],
    ) -> Result<Said, Away> {
        let charges = wants.charges.iter().copied().flatten();
        let keys: Vec<Key> = charges.clone().map(Key::sum).collect();
        let ask = |how: &str, what: &str| {
            let mut ask = cmd(how);
            ask.arg(what).arg(keys.len() + running.len());
            for key in keys.iter().chain(running) {
                ask.arg(key.as_str());
            }
            ask.arg(keys.len()).arg(call).arg(millis(LIFE));
            for charge in charges.clone() {
                ask.arg(charge.cost_ns()).arg(charge.burst_ns());
            }
            for (_, most) in wants.running.iter().copied().flatten() {
                ask.arg(*most);
            }
            ask
        };
        let connection = &mut self.connection.clone();
        let mut said: Vec<i64> = match ask("EVALSHA", &self.admit).query_async(connection).await {
            // Somebody made it forget its scripts.
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.query(&ask("EVAL", ADMIT)).await?
            }
            answer => answer?,
        };
        let [refused, wait_ns, ..] = said[..] else {
            return Err(Away::Strange);
        };
        Ok(Said {
            refused: usize::try_from(refused).map_err(|_| Away::Strange)?,
            wait_ns,
            owed_ns: said.split_off(2),
        })
    }

    /// Another script in place of [`ADMIT`].
    #[cfg(test)]
    pub(super) fn admit_by(&mut self, script: String) {
        self.admit = script;
    }

    pub(super) async fn query<T: FromRedisValue>(&self, ask: &Cmd) -> Result<T, Away> {
        let answer = ask.query_async(&mut self.connection.clone()).await;
        answer.map_err(Away::from)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Away {
    /// Whether somebody must do something for it to end.
    fn lasts(self) -> bool {
        !matches!(self, Self::Unreachable | Self::Silent)
    }
}

impl From<ConnectError> for Away {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Tls(_) => Self::Tls,
            ConnectError::Refused(_) => Self::Address,
            ConnectError::Timeout => Self::Silent,
            ConnectError::Resolve(_) | ConnectError::Unreachable(_) => Self::Unreachable,
        }
    }
}

impl From<RedisError> for Away {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => Self::Login,
            (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => Self::Silent,
            (ErrorKind::Server(_) | ErrorKind::Extension, _) => Self::Refused,
            (ErrorKind::Io, _) => Self::Unreachable,
            _ => Self::Strange,
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

fn script(text: &str, keys: usize) -> Cmd {
    let mut script = cmd("EVAL");
    script.arg(text).arg(keys);
    script
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) const ADMIT: &str = concat!(include_str!("sum.lua"), include_str!("admit.lua"));
const SETTLE: &str = concat!(include_str!("sum.lua"), include_str!("settle.lua"));
const NOTE: &str = concat!(include_str!("sum.lua"), include_str!("note.lua"));

/// How long to wait for what no call waits for.
const PATIENT: Duration = Duration::from_secs(1);
/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often this process notes that it is alive, and which of its calls run.
const NOTED: Duration = Duration::from_secs(2);
/// How long a process is believed alive without a word of it.
const ALIVE: Duration = Duration::from_secs(10);
/// How long a call is believed to run without a word of it.
const LIFE: Duration = Duration::from_secs(30);
/// How many things go into one message.
const BATCH: usize = 500;
