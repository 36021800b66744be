//! What all data-plane threads share, and what each has of its own.

use std::{
    cell::Cell,
    collections::HashMap,
    net::IpAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use keystead_providers::{Cost, Day, Destination, HostRules, Prices, Usage};
use tokio::{runtime::Handle, time::MissedTickBehavior};

use super::{
    control::Control,
    decide::Permit,
    gate::Gates,
    hosts::Hosts,
    ledger::{Desk, Ledger},
    live::LiveCalls,
    news::News,
    open::OpenedKeys,
    refusal::Refusal,
    session::{Rows, SessionParts, Sessions},
};
use crate::{
    alerts::{AlertKind, Finding, used_up},
    clock::{Clock, Timestamp},
    custody::Custody,
    dpop::Replays,
    ids::RequestId,
    limits::{CounterName, Counters, Defaults, Limiter, Limits, Rates, Rule, Stock},
    management::Metrics,
    net::{
        Connector,
        held::Outbox,
        pool::{Pool, PoolLimits, Upstreams},
    },
    store::{KeyStatus, KeyTenant},
    watch::{Ranges, WrongCredentials},
};

/// The settings of the data plane, read once at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Under which names this server may be addressed.
    pub hosts: Hosts,
    /// Where clients find this server, without a closing slash.
    pub public_url: String,
    /// Where the console's own pages are: an origin, as browsers write it.
    pub console_origin: String,
    /// The limits that hold where an object has none of its own.
    pub defaults: Defaults,
    /// What held bodies may take together, in bytes.
    pub held_bytes: u64,
    /// Where each provider is.
    pub places: Places,
    /// What each provider takes, by its name.
    pub prices: Arc<HashMap<&'static str, Prices>>,
    /// Seconds that a request body may stand still.
    pub body_idle_timeout_s: u32,
    /// Seconds that a provider may take to begin its answer.
    pub first_byte_timeout_s: u32,
    /// Seconds that a provider may pause within one.
    pub idle_timeout_s: u32,
    /// The longest wait before a retry.
    pub retry_cap: Duration,
    /// Idle connections to providers.
    pub pool: PoolLimits,
    /// How long a process that can't confirm the sequence of changes goes on.
    pub max_staleness: Duration,
}

/// Where the configuration says that providers are.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `[providers.NAME] base_url`, by name.
    pub base_urls: HashMap<&'static str, Destination>,
    /// `danger.allow_private_upstreams`.
    pub any_host: bool,
}

impl Places {
    /// The rules for the named provider's hosts.
    #[must_use]
    pub fn rules(&self, provider: &str) -> HostRules<'_> {
        HostRules {
            base_url: self.base_urls.get(provider),
            any_host: self.any_host,
        }
    }
}

/// What all threads share.
#[derive(Debug)]
pub struct Plane {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) control: Control,
    pub(super) news: News,
    pub(super) sessions: Sessions,
    rows: Rows,
    pub(super) opened: OpenedKeys,
    pub(super) limiter: Arc<Limiter>,
    pub(super) counters: Arc<Counters>,
    pub(super) address_rules: Box<[Rule]>,
    pub(super) gates: Gates,
    pub(super) replays: Replays,
    pub(super) held: Arc<Stock>,
    /// As `held`, of requests on their way to the control plane: apart from it, since anybody may send those.
    pub(super) arriving: Arc<Stock>,
    pub(super) ledger: Ledger,
    pub(super) metrics: Metrics,
    pub(super) ranges: Ranges,
    pub(super) wrong: WrongCredentials,
    upstreams: Upstreams,
    connector: Connector,
}

/// How many bytes may be on their way to the control plane: five hundred requests at once.
const ARRIVING: u64 = 32 * 1024 * 1024;

impl Plane {
    /// Puts the data plane together; `runtime` is where its questions to the store run.
    #[must_use]
    pub fn new(
        settings: Settings,
        custody: Custody,
        runtime: Handle,
        connector: Connector,
        clock: Clock,
        metrics: Metrics,
        limits: Limits,
    ) -> Arc<Self> {
        let store = custody.store().clone();
        let news = News::new(&store);
        let control = Control::new(runtime, store, custody);
        Arc::new(Self {
            held: Arc::new(Stock::new(settings.held_bytes, metrics.held_bytes())),
            arriving: Arc::new(Stock::new(ARRIVING, Arc::default())),
            news,
            sessions: Sessions::default(),
            rows: Rows::default(),
            opened: OpenedKeys::default(),
            limiter: limits.limiter,
            counters: limits.counters,
            address_rules: address_rules(&settings.defaults),
            gates: Gates::default(),
            replays: Replays::default(),
            ledger: Ledger::new(control.process()),
            control,
            upstreams: Upstreams::default(),
            settings,
            clock,
            metrics,
            ranges: Ranges::default(),
            wrong: WrongCredentials::default(),
            connector,
        })
    }

    /// Writes usage rows until the task is ended.
    pub async fn run_ledger(&self) {
        self.ledger.run(self.control.store()).await;
    }

    /// Writes down what was refused until the task is ended.
    pub async fn run_refusals(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.control.store().write_refused().await;
        }
    }

    /// Finds out whether applications are called from where they never were, until the task is ended.
    pub async fn run_ranges(&self) {
        self.ranges.run(self.control.store().clone()).await;
    }

    /// Holds wrong credentials against the decoys, until the task is ended.
    pub async fn run_decoys(&self) {
        self.wrong.run(self.control.store().clone()).await;
    }

    /// Keeps this process's leases of budgets alive until the task is ended.
    pub async fn run_leases(&self) {
        // What lay still for a whole round is given back: five to ten seconds after its last use.
        let mut ticks = tokio::time::interval(Duration::from_secs(5));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.control.tend_leases(&self.counters).await {
                tracing::warn!(%error, "Leases of budgets could not be renewed");
            }
        }
    }

    /// At the end: writes the usage rows that are left, and gives back what was leased and shared.
    pub async fn close_books(&self) {
        self.limiter.leave().await;
        self.ledger.flush(self.control.store()).await;
        self.control.store().write_refused().await;
        if let Err(error) = self.control.end_leases().await {
            tracing::warn!(%error, "Leases of budgets could not be given back; they end in a minute");
        }
    }

    /// Once a second: what has expired goes, keys in plaintext first.
    pub fn sweep(&self) {
        self.opened.sweep();
        self.gates.sweep();
        self.limiter.sweep();
        let now = self.clock.now();
        self.sessions.sweep(now);
        self.replays.sweep(now);
        let confirmed = self.control.store().confirmed_at();
        let lag = now.since(confirmed);
        self.metrics.lags(self.ledger.waiting(), lag);
        self.catch_up();
    }

    /// Makes the caches forget what has changed; gives the count of changes they are true for.
    pub(super) fn catch_up(&self) -> u64 {
        self.news.catch_up(&self.sessions, &self.opened)
    }

    /// Whether what is remembered may still be relied on: a process that has not heard from the
    /// store for too long could be acting on what was revoked elsewhere.
    pub(super) fn check_freshness(&self, now: Timestamp) -> Result<(), Refusal> {
        let confirmed = self.control.store().confirmed_at();
        if now.since(confirmed) > self.settings.max_staleness {
            return Err(Refusal::StoreUnavailable);
        }
        Ok(())
    }

    pub(super) fn session_parts(&self) -> SessionParts<'_> {
        SessionParts {
            limiter: &self.limiter,
            rows: &self.rows,
            upstreams: &self.upstreams,
            defaults: &self.settings.defaults,
            places: &self.settings.places,
            console_origin: &self.settings.console_origin,
            held: &self.held,
            proofs: self.replays.stock(),
        }
    }

    /// Where the permit's AddOn is found, for addresses that providers send.
    pub(super) fn public_base(&self, permit: &Permit) -> String {
        let session = permit.session();
        let (client_id, handle) = (session.application.client_id, &session.addon.handle);
        format!("{}/proxy/{client_id}/{handle}", self.settings.public_url)
    }

    /// What `usage` costs at the prices of its day: unknown where nothing tells what was used.
    pub(super) fn cost(&self, permit: &Permit, usage: &Usage, at: Timestamp) -> Cost {
        let day = Day::of_unix(at.as_secs().div_euclid(86_400));
        let prices = self.settings.prices.get(permit.provider().about().name);
        let unknown = Cost {
            micro_usd: None,
            is_priced: false,
        };
        let prices = prices.filter(|_| !permit.operation().uncounted);
        prices.map_or(unknown, |prices| prices.cost(permit.model(), usage, day))
    }

    /// A provider sent the key back. It was masked; somebody should know.
    pub(super) fn key_was_echoed(&self, permit: &Permit) {
        let key = &permit.key().row;
        let finding = Finding::new(AlertKind::KeyEchoed, "proxy", &key.id);
        // A user's own key is named to no organization.
        self.raise(match key.owner.tenant() {
            KeyTenant::Organization(organization) => finding.within(organization),
            KeyTenant::Vault(_) => finding,
        });
    }

    /// A provider refused the key. It is marked, so that somebody checks it; it goes on being
    /// used, since a provider's bad minute must not disable an application.
    pub(super) fn key_was_refused(&self, permit: &Permit) {
        let key = permit.key();
        if key.was_refused.swap(true, Relaxed) {
            return;
        }
        let (tenant, id) = (key.row.owner.tenant(), key.row.id);
        // A user's own is theirs to look at: the organization can do nothing about it.
        if let KeyTenant::Organization(organization) = tenant {
            self.raise(Finding::new(AlertKind::KeyRefused, "proxy", &id).within(organization));
        }
        let store = self.control.store().clone();
        self.control.spawn(async move {
            let marked = store.set_key_status(tenant, id, KeyStatus::Unchecked).await;
            if let Err(error) = marked {
                tracing::warn!(%error, key.id = %id, "A refused key could not be marked");
            }
        });
    }

    /// A call found no room in a budget. An end user's own is no business of the operator's.
    pub(super) fn budget_is_used(&self, name: &CounterName) {
        if let Some(finding) = used_up(name) {
            self.raise(finding);
        }
    }

    /// Tells whoever is to be told. Callable on any thread; it waits for nobody.
    pub(super) fn raise(&self, finding: Finding) {
        self.control.store().raise(finding);
    }
}

/// The rates that an address is charged before anybody is known.
fn address_rules(defaults: &Defaults) -> Box<[Rule]> {
    let rates = defaults.address.rule.iter();
    rates.flat_map(Rates::iter).map(Rule::calls).collect()
}

/// Where a client is, and whether it came by a way that is fit for a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// Its address; behind a trusted proxy the last hop that is not one.
    pub(super) address: IpAddr,
    /// TLS here, TLS at a trusted proxy, or loopback.
    pub(super) is_private: bool,
}

/// What one core has of its own.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) plane: Arc<Plane>,
    pub(super) pool: Rc<Pool>,
    /// By which its connections send.
    pub(super) outbox: Rc<Outbox>,
    pub(super) live: Rc<LiveCalls>,
    /// Where its calls are booked.
    pub(super) desk: Arc<Desk>,
    random: Cell<u64>,
}

impl Thread {
    pub(super) fn new(plane: Arc<Plane>) -> Rc<Self> {
        let outbox = Rc::<Outbox>::default();
        let pool = Pool::new(plane.connector.clone(), plane.settings.pool, outbox.clone());
        let seed = u64::from_le_bytes(keystead_vault::random()) | 1;
        Rc::new(Self {
            desk: plane.ledger.desk(),
            plane,
            pool,
            outbox,
            live: Rc::default(),
            random: Cell::new(seed),
        })
    }

    /// A fresh name for a call that came then. Names are not secrets, so they need no system call for
    /// chance.
    pub(super) fn request_id(&self, came: Timestamp) -> RequestId {
        RequestId::of(came, self.next(), self.next())
    }

    /// A little chance, for jitter.
    pub(super) fn chance(&self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    /// xorshift64* (Vigna 2016).
    fn next(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
