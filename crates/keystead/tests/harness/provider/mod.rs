//! The stand-in for all six providers: one server in the test's process, one path prefix each.
//!
//! It takes the keys it was told of and refuses all others as the real ones do, answers what the
//! test scripted ([`answer`]) or what a provider answers on a good day ([`services`]), and keeps
//! every request for the test to look at ([`exchange`]). What its answers report as used is counted
//! ([`reported`]), for the ledger to be held against.

mod answer;
mod connection;
mod exchange;
mod reported;
pub(crate) mod services;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub(crate) use answer::{Answer, Hold, Step};
pub(crate) use exchange::Exchange;
pub(crate) use reported::{Reported, UNITS};

/// Names of the providers, as prefixes of the stand-in's paths.
pub(crate) const NAMES: [&str; 6] = [
    "openai",
    "azure-openai",
    "azure-vision",
    "deepl",
    "stability",
    "anthropic",
];

/// The stand-in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provider(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    services: Mutex<HashMap<&'static str, Scripts>>,
    exchanges: Mutex<Vec<Arc<Exchange>>>,
    /// Tells every connection to close when it has nothing to do.
    closing: Notify,
}

/// What one provider answers.
#[derive(Default)]
struct Scripts {
    keys: HashSet<String>,
    /// By `METHOD /path`; a closing `*` stands for any end.
    next: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Script>,
    /// Where it does not wait for the request's body.
    hasty: HashSet<String>,
}

type Script = Arc<dyn Fn(&Exchange) -> Answer + Send + Sync>;

impl Provider {
    /// Serves on a free loopback port, on the runtime of the test.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let provider = Self(Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            services: Mutex::default(),
            exchanges: Mutex::default(),
            closing: Notify::new(),
        }));
        for name in NAMES {
            services::script(&provider.service(name));
        }
        tokio::spawn(connection::accept(provider.clone(), listener));
        provider
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub(crate) fn service(&self, name: &str) -> Service {
        let name = NAMES.into_iter().find(|known| *known == name);
        Service {
            provider: self.clone(),
            name: name.expect("one of the six"),
        }
    }

    pub(crate) fn openai(&self) -> Service {
        self.service("openai")
    }

    /// Every request so far, checks of keys included.
    pub(crate) fn exchanges(&self) -> Vec<Arc<Exchange>> {
        self.0.exchanges.lock().clone()
    }

    /// What the answers so far report as used.
    pub(crate) fn reported(&self) -> Vec<Reported> {
        let exchanges = self.exchanges();
        let reported = exchanges.iter().map(|exchange| Reported::by(exchange));
        reported.flatten().collect()
    }

    /// Closes the connections on which no answer is running, without a word, as providers do.
    pub(crate) fn close_idle_connections(&self) {
        self.0.closing.notify_waiters();
    }

    /// Whether it answers this request before its body has come.
    fn is_hasty(&self, exchange: &Exchange) -> bool {
        let services = self.0.services.lock();
        services[exchange.service].hasty.contains(&exchange.place())
    }

    /// The answer to a request.
    fn answer(&self, exchange: &Arc<Exchange>) -> Answer {
        let mut services = self.0.services.lock();
        let scripts = services.entry(exchange.service).or_default();
        let is_known = exchange
            .key()
            .is_some_and(|key| scripts.keys.contains(&key));
        if !is_known {
            return services::unauthorized(exchange.service);
        }
        let place = exchange.place();
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => place.starts_with(start),
            None => place == pattern,
        };
        let next = scripts
            .next
            .iter_mut()
            .find(|(at, queue)| fits(at) && !queue.is_empty());
        match next.and_then(|(_, queue)| queue.pop_front()) {
            Some(answer) => answer,
            None => {
                let always = scripts.always.iter().filter(|(at, _)| fits(at));
                let script = always
                    .max_by_key(|(at, _)| at.len())
                    .map(|(_, script)| script.clone());
                drop(services);
                script.map_or_else(
                    || services::not_found(exchange.service),
                    |script| script(exchange),
                )
            }
        }
    }
}

/// One of the six.
#[derive(Clone)]
pub(crate) struct Service {
    provider: Provider,
    pub(crate) name: &'static str,
}

impl Service {
    /// Where this provider is.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/{}", self.provider.address(), self.name)
    }

    /// Takes this key from now on.
    pub(crate) fn accept(&self, key: &str) {
        self.scripts(|scripts| scripts.keys.insert(key.to_owned()));
    }

    /// Refuses this key from now on.
    pub(crate) fn withdraw(&self, key: &str) {
        self.scripts(|scripts| scripts.keys.remove(key));
    }

    /// Answers so every time; `at` is `METHOD /path`, a closing `*` stands for any end.
    pub(crate) fn on(&self, at: &str, answer: Answer) {
        self.on_each(at, move |_| answer.clone());
    }

    /// Answers every time as the request wants it.
    pub(crate) fn on_each(
        &self,
        at: &str,
        script: impl Fn(&Exchange) -> Answer + Send + Sync + 'static,
    ) {
        self.scripts(|scripts| scripts.always.insert(at.to_owned(), Arc::new(script)));
    }

    /// Answers so the next time, before what is answered every time.
    pub(crate) fn once(&self, at: &str, answer: Answer) {
        self.scripts(|scripts| {
            scripts
                .next
                .entry(at.to_owned())
                .or_default()
                .push_back(answer);
        });
    }

    /// Answers before the request's body has come.
    pub(crate) fn does_not_wait_for_the_body(&self, at: &str) {
        self.scripts(|scripts| scripts.hasty.insert(at.to_owned()));
    }

    /// The requests to `METHOD /path` so far, in order.
    pub(crate) fn asked(&self, at: &str) -> Vec<Arc<Exchange>> {
        let all = self.provider.exchanges();
        let mine =
            |exchange: &Arc<Exchange>| exchange.service == self.name && exchange.place() == at;
        all.into_iter().filter(mine).collect()
    }

    /// The latest request to `METHOD /path`.
    pub(crate) fn last(&self, at: &str) -> Arc<Exchange> {
        self.asked(at)
            .pop()
            .unwrap_or_else(|| panic!("{} was never asked {at}", self.name))
    }

    fn scripts<T>(&self, change: impl FnOnce(&mut Scripts) -> T) -> T {
        change(
            self.provider
                .0
                .services
                .lock()
                .entry(self.name)
                .or_default(),
        )
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Provider").field(&self.0.address).finish()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Service").field(&self.name).finish()
    }
}
