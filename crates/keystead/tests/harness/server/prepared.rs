//! A server before it is started: its settings, its store, its first account.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Keystead, grow_descriptor_limit};
use crate::harness::books::Books;
use crate::harness::ports::Port;
use crate::harness::{Provider, Relay, Store, cli, place::Place, planted};

/// A server to be: its settings can still be changed.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) place: Place,
    pub(super) store: Store,
    pub(super) relay: Option<Relay>,
    pub(super) has_account: bool,
    pub(super) settings: Vec<(String, String)>,
}

impl Prepared {
    /// Sets `name` to a TOML value.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a root key made of a random passphrase; the passphrase, and the file that holds it.
    pub(crate) fn with_passphrase(self) -> (Self, String, PathBuf) {
        let file = self.place.allow("passphrase");
        let passphrase = planted::alphanumeric(32);
        let passphrase = self.place.plant("passphrase_secret", passphrase);
        fs::write(&file, &passphrase).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let setting = format!("\"{}\"", file.display());
        let prepared = self.set("root_key.passphrase_file", &setting);
        (prepared, passphrase, file)
    }

    /// With nobody who could sign in.
    pub(crate) fn without_account(mut self) -> Self {
        self.has_account = false;
        self
    }

    /// Puts a line that can be cut between the server and its store.
    pub(crate) fn behind(mut self, relay: &Relay) -> Self {
        self.relay = Some(relay.clone());
        self
    }

    /// The folder, for files that settings name.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) async fn start(self) -> Keystead {
        let keystead = self.init().await;
        keystead.start_again().await;
        keystead
    }

    /// Everything but the server process itself.
    pub(crate) async fn init(self) -> Keystead {
        grow_descriptor_limit();
        let Self {
            place,
            store,
            relay,
            has_account,
            settings,
        } = self;
        let provider = Provider::start().await;
        let (public, management) = (Port::take(), Port::take());
        let store_url = store.make(&place).await;
        let config = place.path().join("keystead.toml");
        let reached = match &relay {
            Some(relay) => relay.instead_of(&store_url),
            None => store_url.clone(),
        };
        let text = configuration(
            &place,
            &reached,
            &provider,
            (&public, &management),
            &settings,
        );
        fs::write(&config, text).expect("the test's folder can be written");

        let address = planted::address();
        place.plant("address", address.to_string());
        let (email, api_token) = match has_account {
            true => init(&place, &config).await,
            false => <(String, String)>::default(),
        };
        // In its own file and nowhere else.
        let root_key = place.allow("data/root.key");
        if let Ok(text) = fs::read_to_string(root_key) {
            place.plant("root_key", text.trim());
        }

        Keystead {
            books: Arc::new(Books::new(&store_url, &provider)),
            relay,
            place,
            provider,
            store,
            store_url,
            api_token,
            email,
            address,
            config,
            public,
            management,
            process: Mutex::new(None),
            expected_errors: Mutex::default(),
        }
    }
}

/// Makes the first account by the command; its e-mail address and its API token.
async fn init(place: &Place, config: &Path) -> (String, String) {
    let email = place.plant("email", format!("canary-{}@mail.example", planted::hex(16)));
    let config = config.display().to_string();
    let arguments = [
        "init",
        "--admin-email",
        &email,
        "--json",
        "--config",
        &config,
    ];
    let made = cli::Invocation::new(place, &arguments)
        .secret()
        .run()
        .await
        .json();
    let api_token = made["api_token"].as_str().expect("init prints a token");
    let api_token = place.plant("api_token", api_token);
    (email, api_token)
}

pub(super) fn configuration(
    place: &Place,
    store_url: &str,
    provider: &Provider,
    (public, management): (&Port, &Port),
    settings: &[(String, String)],
) -> String {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        // What a test sets itself comes in place of what is set here.
        if !settings.iter().any(|(own, _)| own == name) {
            writeln!(text, "{name} = {value}").unwrap();
        }
    };
    set(
        "server.data_dir",
        &format!("\"{}/data\"", place.path().display()),
    );
    set(
        "server.listen",
        &format!("\"127.0.0.1:{}\"", public.number()),
    );
    set(
        "management.listen",
        &format!("\"127.0.0.1:{}\"", management.number()),
    );
    set("store.url", &format!("\"{store_url}\""));
    set("log.format", "\"json\"");
    set("danger.allow_private_upstreams", "true");
    for name in crate::harness::provider::NAMES {
        let base_url = provider.service(name).base_url();
        set(
            &format!("providers.{name}.base_url"),
            &format!("\"{base_url}\""),
        );
    }
    for (name, value) in settings.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(text, "{name} = {value}").unwrap();
    }
    text
}
