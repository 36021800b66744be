//! How long the console's pages take, when the store holds a million attempts and a thousand keys.
//!
//! `cargo bench --bench pages -- STORE_URL ATTEMPTS KEYS` fills an empty store with a month, signs
//! somebody in, and asks for each page again and again, as the server does but for the network. It
//! prints one JSON object. With a folder behind, every page is also left there as a file.
//! `cargo xtask bench --pages` runs it on both stores.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that fails ends, and what it prints is its result"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use keystead::{
    api::ClientAddress,
    audit::Actor,
    clock::Clock,
    config::{self, Config, Sources},
    connect::Connect,
    console::{self, Console},
    custody::{Custody, NewKey},
    ids::{AccountId, OrganizationId, RequestId},
    limits::{Limits, RowLimits},
    manage::{Asked, KeyChecker, Manage},
    management::Metrics,
    net::{Connector, address::AddressRules},
    oauth::OAuth,
    people::People,
    root::RootKeySource,
    store::{
        Access, AddOn, Application, Batch, Email, Key, KeySource, KeyStatus, NewAddOn,
        NewApplication, NewSession, Operations, SignInMethod, Store, Units, UsageRow,
    },
};
use keystead_providers::{AddOnType, Destination, Provider, Scheme};
use keystead_vault::{ProviderKey, SubjectHash};
use serde_json::json;
use tower::ServiceExt as _;
use zeroize::Zeroizing;

/// As many as the proxy writes at once.
const BATCH: u64 = 1_000;
const APPLICATIONS: usize = 20;
/// Of each application.
const ADDONS: usize = 5;
const DAYS: u64 = 30;
const DAY_US: u64 = 86_400_000_000;
const MODELS: [&str; 3] = ["gpt-6-luna", "gpt-6-moon", "text-embedding-4"];
const PROVIDERS: [(&str, &str); 3] = [
    ("openai", "api.openai.com"),
    ("anthropic", "api.anthropic.com"),
    ("deepl", "api.deepl.com"),
];
/// How often each page is asked for.
const TIMES: usize = 40;

fn main() {
    // `cargo bench` adds a word of its own.
    let given: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let [url, attempts, keys, rest @ ..] = &given[..] else {
        println!("usage: pages STORE_URL ATTEMPTS KEYS [FOLDER]");
        return;
    };
    let attempts = attempts.parse().expect("a number of attempts");
    let keys = keys.parse().expect("a number of keys");
    let folder = rest.first().map(PathBuf::from);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told = runtime.block_on(run(url, attempts, keys, folder.as_deref()));
    println!("{told}");
}

async fn run(url: &str, attempts: u64, keys: usize, folder: Option<&Path>) -> serde_json::Value {
    let own = std::env::temp_dir().join(format!("keystead-pages-{}", std::process::id()));
    fs::create_dir_all(&own).expect("a folder");
    let config = configuration(&own);
    let url = url.parse().expect("a store's address");
    let store = Store::open(&url, Access::Write, Clock::system()).await;
    let root = RootKeySource::File(own.join("root.key"));
    let custody = Custody::open(store.expect("the store opens"), &root).await;
    let custody = custody.expect("the store takes a root key");

    let scene = furnish(&custody, keys).await;
    let began = Instant::now();
    for first in (0..attempts).step_by(usize::try_from(BATCH).expect("a small number")) {
        let last = attempts.min(first + BATCH);
        let rows: Vec<_> = (first..last)
            .map(|number| scene.attempt(number, attempts))
            .collect();
        let written = custody.store().append_usage(&Batch::from(rows)).await;
        written.expect("the store takes them");
    }
    let filled = began.elapsed();

    let limits = Limits::new(custody.store().clock().now(), None);
    let checker: Arc<dyn KeyChecker> = Arc::new(Nobody);
    let hardening = std::collections::BTreeMap::new();
    let manage = Manage::new(
        &config,
        custody.clone(),
        checker,
        limits,
        Arc::default(),
        hardening,
    );
    let connector = Connector::new(AddressRules::default(), Duration::from_secs(1));
    let people = People::new(&config, custody.clone(), Metrics::new(), connector.clone());
    let oauth = OAuth::new(&config, manage.custody().clone(), Metrics::new(), connector);
    let connect = Connect::new(&manage, config.server.connect_url.clone());
    let console = Console::new(&config, manage, people, oauth, connect);
    let router = console::router(console);
    let cookie = scene.sign_in(&custody).await;
    let mut pages = BTreeMap::new();
    for (name, path) in scene.pages() {
        let took = timed(&router, &cookie, &path, folder.map(|to| to.join(name))).await;
        pages.insert(name, took);
    }
    custody.store().close().await;
    fs::remove_dir_all(&own).expect("the folder was made");
    json!({
        "attempts": attempts,
        "keys": keys,
        "filled_s": rounded(filled.as_secs_f64()),
        "pages": pages,
    })
}

fn configuration(folder: &Path) -> Config {
    let data_dir = folder.display().to_string();
    let resolved = config::resolve(&Sources {
        flags: BTreeMap::from([("server.data_dir".to_owned(), data_dir)]),
        ..Sources::default()
    });
    resolved.expect("the defaults are a configuration").config
}

/// What there is to show.
struct Scene {
    organization: OrganizationId,
    account: AccountId,
    applications: Vec<Application>,
    addons: Vec<AddOn>,
    keys: Vec<Key>,
}

async fn furnish(custody: &Custody, keys: usize) -> Scene {
    let email = Email::parse("pages@example.org").expect("an address");
    let founded = custody.found("Northwind Letters", &email).await;
    let founded = founded.expect("nobody was here before");
    let organization = founded.organization.id;
    let mut scene = Scene {
        organization,
        account: founded.account.id,
        applications: Vec::new(),
        addons: Vec::new(),
        keys: Vec::new(),
    };
    for number in 0..APPLICATIONS {
        let new = NewApplication {
            name: format!("Application {number}"),
            ..NewApplication::default()
        };
        let made = custody.create_application(Actor::Operator, organization, new);
        let (application, _) = made.await.expect("the store takes it");
        scene.applications.push(application);
    }
    for number in 0..keys {
        let key = scene.new_key(number);
        let added = custody.add_key(Actor::Operator, key).await;
        scene.keys.push(added.expect("the store takes it"));
    }
    for number in 0..APPLICATIONS * ADDONS {
        let application = &scene.applications[number % APPLICATIONS];
        let key = scene
            .keys
            .iter()
            .find(|key| key.owner.application() == Some(application.id));
        let new = NewAddOn {
            application: application.id,
            handle: format!("addon-{number}").parse().expect("a handle"),
            kind: AddOnType::Any,
            key: key.map(|key| key.id),
            key_source: KeySource::Application,
            provider: None,
            models: Vec::new(),
            operations: Operations::Default,
            allow: Vec::new(),
            strict: false,
            limits: RowLimits::default(),
        };
        let installed = custody
            .store()
            .install_addon(Actor::Operator, organization, new)
            .await;
        scene.addons.push(installed.expect("the store takes it"));
    }
    scene
}

impl Scene {
    fn new_key(&self, number: usize) -> NewKey {
        let (provider, host) = PROVIDERS[number % PROVIDERS.len()];
        NewKey {
            organization: self.organization,
            application: self.applications[number % APPLICATIONS].id,
            provider: provider.to_owned(),
            name: format!("Key {number}"),
            destination: Destination {
                scheme: Scheme::Https,
                host: host.to_owned(),
                port: 443,
                prefix: String::new(),
            },
            explicit_endpoint: false,
            key: ProviderKey::new(Zeroizing::new(format!("sk-measured-{number:020}"))),
            // Some need care.
            status: [KeyStatus::Valid, KeyStatus::Unchecked][usize::from(number.is_multiple_of(9))],
        }
    }

    /// Attempt `number` of so many, of any key; the last of them ended just now.
    fn attempt(&self, number: u64, of: u64) -> UsageRow {
        let luck = mixed(number);
        let which = usize::try_from(luck >> 32).expect("32 bits") % self.keys.len();
        let key = &self.keys[which];
        let own = self
            .addons
            .iter()
            .filter(|addon| Some(addon.application) == key.owner.application());
        let own: Vec<_> = own.collect();
        let back = u128::from(DAYS * DAY_US) * u128::from(of - 1 - number) / u128::from(of);
        let back = Duration::from_micros(u64::try_from(back).expect("a month"));
        let has_failed = luck.is_multiple_of(61);
        UsageRow {
            request: RequestId::of(Clock::system().now(), number, luck),
            attempt: 1,
            at: Clock::system().now() - back - Duration::from_secs(2),
            application: own[which % own.len()].application,
            addon: own[which % own.len()].id,
            key: Some(key.id),
            key_version: Some(1),
            subject: Some(subject(luck >> 40)),
            provider: PROVIDERS[which % PROVIDERS.len()].0,
            operation: "chat.completions",
            model: Some(MODELS[usize::from(luck & 7 > 4) + usize::from(luck & 7 > 6)].into()),
            status: Some(
                [200, 429, 503][usize::from(has_failed) * (1 + usize::from(luck & 1 > 0))],
            ),
            outcome: "answered",
            duration_us: 900_000 + luck % 900_000,
            first_byte_us: Some(200_000),
            units: Units {
                input_tokens: Some(500 + luck % 1_000),
                output_tokens: Some(200 + luck % 300),
                ..Units::default()
            },
            cost_micro_usd: Some(1_000 + luck % 2_000),
            is_priced: !luck.is_multiple_of(11),
            ..UsageRow::blank(self.organization)
        }
    }

    async fn sign_in(&self, custody: &Custody) -> String {
        let new = NewSession {
            organization: self.organization,
            account: self.account,
            method: SignInMethod::Password,
            browser: "Firefox on Linux".to_owned(),
            lasts: Duration::from_secs(3_600),
            replaces: None,
        };
        let made = custody.store().create_session(new).await;
        let (_, token) = made.expect("the store takes it");
        format!("keystead={}", token.expose())
    }

    fn pages(&self) -> Vec<(&'static str, String)> {
        let console = |path: &str| format!("/console{path}");
        let (addon, application) = (self.addons[0].id, self.applications[0].id);
        vec![
            ("overview", console("")),
            ("overview, a month", console("?days=30")),
            ("usage", console("/usage")),
            ("usage by key", console("/usage?by=key")),
            (
                "usage by model, a year",
                console("/usage?by=model&days=366"),
            ),
            (
                "usage of an AddOn",
                console(&format!("/usage?by=key&addon_id={addon}")),
            ),
            ("usage by key, a year", console("/usage?by=key&days=366")),
            (
                "usage of an application, by key",
                console(&format!("/usage?by=key&application_id={application}")),
            ),
            (
                "usage of a provider, by AddOn",
                console("/usage?by=addon&provider=openai"),
            ),
            (
                "usage of a model, by key",
                console("/usage?by=key&model=gpt-6-luna"),
            ),
            ("usage as CSV, by key", console("/usage.csv?by=key")),
            ("requests", console("/requests")),
            (
                "requests that failed",
                console("/requests?end=provider_failed"),
            ),
            (
                "requests of an AddOn that were refused",
                console(&format!("/requests?addon_id={addon}&end=refused")),
            ),
            (
                "requests of an AddOn",
                console(&format!("/requests?addon_id={addon}")),
            ),
            (
                "requests, none fits",
                console("/requests?provider=stability"),
            ),
            ("keys", console("/providers")),
            (
                "keys that nobody checked",
                console("/providers?status=unchecked"),
            ),
            ("a key", console(&format!("/providers/{}", self.keys[0].id))),
            ("keys as CSV", console("/providers.csv")),
            ("AddOns", console("/addons")),
            ("an AddOn", console(&format!("/addons/{addon}"))),
            ("applications", console("/applications")),
            ("audit", console("/audit")),
            ("audit, none fits", console("/audit?actor=nobody")),
        ]
    }
}

/// The middle and the 95th of a hundred, in milliseconds.
async fn timed(
    router: &Router,
    cookie: &str,
    path: &str,
    file: Option<PathBuf>,
) -> serde_json::Value {
    let mut took = Vec::with_capacity(TIMES);
    let mut length = 0;
    for _ in 0..TIMES {
        let mut request = Request::get(path).header("cookie", cookie);
        let address = ClientAddress([127, 0, 0, 1].into());
        request.extensions_mut().expect("a request").insert(address);
        let request = request.body(Body::empty()).expect("a request");
        let began = Instant::now();
        let answer = router
            .clone()
            .oneshot(request)
            .await
            .expect("a router answers");
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .expect("a whole page")
            .to_bytes();
        took.push(began.elapsed());
        assert_eq!(status, StatusCode::OK, "{path}");
        length = body.len();
        if let Some(file) = &file {
            fs::write(file.with_extension("html"), &body).expect("the folder can be written");
        }
    }
    took.sort_unstable();
    let ms = |place: usize| rounded(took[place].as_secs_f64() * 1e3);
    json!({ "p50_ms": ms(TIMES / 2), "p95_ms": ms(TIMES * 95 / 100 - 1), "bytes": length })
}

/// Asks no provider anything.
#[derive(Debug)]
struct Nobody;

type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl KeyChecker for Nobody {
    fn admit<'a>(&'a self, _: &'a Destination) -> Soon<'a, Result<(), &'static str>> {
        Box::pin(async { Err("nobody is asked here") })
    }

    fn ask<'a>(
        &'a self,
        _: &'static dyn Provider,
        _: &'a ProviderKey,
        _: &'a Destination,
    ) -> Soon<'a, Asked> {
        Box::pin(async { Asked::Unreachable })
    }
}

fn subject(user: u64) -> SubjectHash {
    let mut bytes = [0; 32];
    for (place, part) in bytes.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&mixed(user % 5_000 * 4 + place as u64).to_be_bytes());
    }
    SubjectHash::from_bytes(bytes)
}

fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ (number >> 27)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
