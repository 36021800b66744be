//! The only place that wires the parts together.
//!
//! ```text
//!   main thread            control runtime (2 threads)         one thread a core
//!   start, signals   ───>  store · API · console · OAuth  <───  proxy: listener, pools, streams
//! ```

mod checkpoints;
mod data_plane;
mod error;
mod first_account;
mod housekeeping;
mod key_check;
pub mod process;
pub(crate) mod settings;
mod signals;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle, Runtime},
    sync::watch,
};

pub use self::{error::StartError, key_check::ProviderCheck};

use self::{data_plane::DataPlane, tls::Certificate};
use crate::{
    api,
    clock::Clock,
    config::Config,
    connect::{self, Connect},
    console::{self, Console},
    custody::{Custody, CustodyError},
    erasure::Place,
    limits::{Limits, Shared, sharing::Link},
    manage::{Manage, Problem},
    management::{self, Metrics, Readiness},
    net::{Connector, sink::Sink},
    oauth::{self, OAuth},
    people::People,
    proxy::{Hosts, Listening, Phase, Plane, Seats},
    store::{Access, Store},
    watch as rules_of_alerts, widget,
};

/// How long the last usage rows may take to be written at the end.
const LAST_FLUSH: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Debug)]
pub struct Keystead {
    /// Where the public listener is.
    pub public: SocketAddr,
    /// Where the management listener is.
    pub management: SocketAddr,
    runtime: Runtime,
    data_plane: DataPlane,
    plane: Arc<Plane>,
    custody: Custody,
    people: People,
    phase: watch::Sender<Phase>,
    readiness: Readiness,
    told_to_stop: watch::Receiver<u32>,
    drain_delay: Duration,
    drain_deadline: Duration,
}

impl Keystead {
    /// Starts everything. When it returns, the public listener answers.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing runs then.
    pub fn start(config: &Config, metrics: &Metrics) -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("control")
            .enable_all()
            .build()
            .map_err(StartError::Runtime)?;
        let clock = Clock::system();
        let (store, custody) = runtime.block_on(open(config, &clock))?;
        let counters = metrics.clone();
        store.count_alerts(move |kind| counters.alert(kind.word()));
        let people = People::new(
            config,
            custody.clone(),
            metrics.clone(),
            settings::connector_of_the_operator(config),
        );
        runtime.block_on(first_account::begin(&people, config))?;
        let rules = settings::address_rules(config);
        let connector = Connector::new(rules, config.upstream.connect_timeout);
        let (shared, link) = shared_limits(config, &custody, metrics).unzip();
        let limits = Limits::new(clock.now(), shared);
        let settings = settings::of_the_data_plane(config);
        let prices = settings.prices.clone();
        let plane = Plane::new(
            settings,
            custody.clone(),
            runtime.handle().clone(),
            connector.clone(),
            clock.clone(),
            metrics.clone(),
            limits.clone(),
        );
        runtime.spawn(rules_of_alerts::webhooks::run(
            custody.clone(),
            connector.clone(),
        ));

        let readiness = readiness(&store);
        let (listener, management) = runtime.block_on(bind_management(config))?;
        let manage = Manage::new(
            config,
            custody.clone(),
            Arc::new(ProviderCheck::new(connector.clone())),
            limits,
            prices,
            metrics.hardening(),
        );
        let oauth = OAuth::new(config, custody.clone(), metrics.clone(), connector);
        let connect = Connect::new(&manage, config.server.connect_url.clone());
        let doors = connect::router(connect.clone(), oauth.clone());
        let pages = connect.clone();
        let router = router(config, manage, people.clone(), oauth, pages, metrics).merge(doors);
        let (phase, phases) = watch::channel(Phase::Open);
        let certificate = config.server.tls.as_ref().map(Certificate::read);
        let certificate = certificate.transpose()?;
        let listening = Listening {
            address: config.server.listen,
            tls: match &certificate {
                Some(certificate) => Some(certificate.server_config()?),
                None => None,
            },
            trusted_proxies: config.server.trusted_proxies.clone().into(),
            header_timeout: config.server.header_timeout,
            seats: Seats::new(most_connections(config)),
            router,
            runtime: runtime.handle().clone(),
            phase: phases,
        };
        let data_plane =
            DataPlane::start(&plane, listening, config.server.threads.get()).map_err(|error| {
                StartError::Listen {
                    address: config.server.listen,
                    source: error,
                }
            })?;
        if let Some(certificate) = certificate {
            runtime.spawn(certificate.follow());
        }
        start_jobs(runtime.handle(), config, &plane, &custody, metrics, clock);
        runtime.spawn(housekeeping::end_links(connect));
        if let Some(mut link) = link {
            // Tried once before the first call; whether it answers or not, the start goes on.
            runtime.block_on(link.connect());
            runtime.spawn(link.run());
        }
        // Last: whoever is told that this process is ready sends it a call in the same instant.
        let hosts = Hosts::new(config.management.hosts.clone());
        runtime.spawn(serve_management(
            listener,
            hosts,
            metrics.clone(),
            readiness.clone(),
        ));

        Ok(Self {
            public: data_plane.address,
            management,
            told_to_stop: signals::told_to_stop(runtime.handle()),
            runtime,
            data_plane,
            plane,
            custody,
            people,
            phase,
            readiness,
            drain_delay: config.server.drain_delay,
            drain_deadline: config.server.drain_deadline,
        })
    }

    /// Where work beside the server may run.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// What seals and opens, for work beside the server.
    #[must_use]
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// The people of this installation, for work beside the server.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Does `work` beside the server; nothing comes of it if the process is told to stop before.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                outcome = work => Some(outcome),
                () = self.told_to_stop(1) => None,
            }
        })
    }

    /// Serves until the process is told to stop, and then lets streams finish. A second signal
    /// ends at once.
    pub fn serve(self) {
        self.runtime.block_on(self.told_to_stop(1));
        tracing::info!("Stopping: no new calls, running streams may finish");
        self.readiness.drain();
        self.runtime.block_on(async {
            tokio::select! {
                () = self.drain() => {}
                () = self.told_to_stop(2) => tracing::warn!("Told a second time: ending now"),
            }
        });
        self.stop();
    }

    /// Ends at once: what runs is cut, what is to be written is written.
    pub fn stop(self) {
        self.phase.send_replace(Phase::Stopped);
        self.data_plane.join();
        let is_late = self.runtime.block_on(async {
            tokio::time::timeout(LAST_FLUSH, self.plane.close_books())
                .await
                .is_err()
        });
        if is_late {
            tracing::error!("The last usage rows could not be written in time");
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }

    /// Waits until the process was told to stop this often.
    async fn told_to_stop(&self, times: u32) {
        let mut told = self.told_to_stop.clone();
        // Whoever counts lives as long as the runtime, so there is no other end than this.
        drop(told.wait_for(|told| *told >= times).await);
    }

    /// Balancers need a moment to see that readiness is off; then no more connections are taken,
    /// and streams have until the deadline.
    async fn drain(&self) {
        tokio::time::sleep(self.drain_delay).await;
        self.phase.send_replace(Phase::Draining);
        let is_over = async {
            while !self.data_plane.is_finished() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(self.drain_deadline, is_over)
            .await
            .is_err()
        {
            tracing::warn!("The time for streams to finish is over");
        }
    }
}

async fn open(config: &Config, clock: &Clock) -> Result<(Store, Custody), StartError> {
    let source = config.root_key.load().map_err(CustodyError::from)?;
    let store = Store::open(&config.store.url, Access::Write, clock.clone()).await?;
    let custody = Custody::open(store.clone(), &source).await?;
    Ok((store, custody))
}

/// Everything on the public listener but the proxy.
fn router(
    config: &Config,
    manage: Manage,
    people: People,
    oauth: OAuth,
    connect: Connect,
    metrics: &Metrics,
) -> Router {
    let gate = api::Gate {
        console: config.console.clone(),
        metrics: metrics.clone(),
    };
    let console = Console::new(config, manage.clone(), people, oauth.clone(), connect);
    api::router(manage, gate)
        .merge(console::router(console))
        .merge(oauth::router(oauth))
        .merge(widget::router(&config.server.public_url))
        .fallback(|| async { Problem::NoSuchRoute })
}

/// What limits are shared through, if the configuration names a place.
fn shared_limits(
    config: &Config,
    custody: &Custody,
    metrics: &Metrics,
) -> Option<(Arc<Shared>, Link)> {
    let place = config.limits.shared_url.clone()?;
    let connector = settings::connector_of_the_operator(config);
    let names = custody.names_of_limits();
    Some(Shared::new(names, place, connector, metrics.clone()))
}

fn start_jobs(
    runtime: &Handle,
    config: &Config,
    plane: &Arc<Plane>,
    custody: &Custody,
    metrics: &Metrics,
    clock: Clock,
) {
    let store = custody.store();
    let tombstones = Place::of(config);
    runtime.spawn(async move {
        if let Err(error) = tombstones.prepare().await {
            tracing::warn!(%error, "What keeps that something was erased can't be written");
        }
    });
    let (ledger, watched) = (plane.clone(), store.clone());
    runtime.spawn(async move { ledger.run_ledger().await });
    let refusals = plane.clone();
    runtime.spawn(async move { refusals.run_refusals().await });
    let decoys = plane.clone();
    runtime.spawn(async move { decoys.run_decoys().await });
    let ranges = plane.clone();
    runtime.spawn(async move { ranges.run_ranges().await });
    runtime.spawn(rules_of_alerts::run(store.clone(), config.watch.interval));
    let budgets = plane.clone();
    runtime.spawn(async move { budgets.run_leases().await });
    runtime.spawn(housekeeping::run(store.clone(), clock, config.retention));
    runtime.spawn(housekeeping::finish_rotations(custody.clone()));
    if let Some(kept) = config.retention.usage {
        runtime.spawn(housekeeping::thin_ledger(store.clone(), kept));
    }
    if let Some(place) = &config.audit.checkpoints {
        let authorization = config.audit.checkpoints_authorization.clone();
        let connector = settings::connector_of_the_operator(config);
        let sink = Sink::new(place.clone(), authorization, connector);
        let interval = config.audit.checkpoint_interval;
        runtime.spawn(checkpoints::run(custody.clone(), sink, interval));
    }
    runtime.spawn(housekeeping::report_panics(store.clone(), metrics.clone()));
    runtime.spawn(housekeeping::give_back_memory(metrics.clone()));
    runtime.spawn(async move {
        match watched.watch().await {
            Ok(watch) => watch.run().await,
            Err(error) => tracing::error!(%error, "Changes of other processes can't be followed"),
        }
    });
}

fn readiness(store: &Store) -> Readiness {
    let store = store.clone();
    Readiness::new().check("store", move || {
        let store = store.clone();
        async move {
            store
                .current_seq()
                .await
                .map(drop)
                .map_err(|_| "the store does not answer")
        }
    })
}

async fn bind_management(config: &Config) -> Result<(TcpListener, SocketAddr), StartError> {
    let address = config.management.listen;
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve_management(
    listener: TcpListener,
    hosts: Hosts,
    metrics: Metrics,
    readiness: Readiness,
) {
    let router = management::router(management::Management {
        metrics,
        readiness,
        knows_host: Arc::new(move |host| hosts.knows(host)),
    });
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "The management listener ended");
    }
}

fn most_connections(config: &Config) -> usize {
    usize::try_from(config.server.max_connections.get()).unwrap_or(usize::MAX)
}
