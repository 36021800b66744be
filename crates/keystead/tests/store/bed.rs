//! What every test stands on: a fresh store of one kind, with custody, a clock that stands, and a
//! way to write to the database behind Keystead's back.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use keystead::{
    audit::Actor,
    clock::{Clock, Timestamp},
    custody::{Custody, CustodyError, Founded, NewKey},
    ids::OrganizationId,
    limits::RowLimits,
    root::RootKeySource,
    store::{
        Access, AddOn, Application, ClientSecret, Email, Key, KeySource, KeyStatus, NewAddOn,
        NewApplication, NewSession, NewToken, Operations, Session, SignInMethod, Store, StoreUrl,
    },
};
use keystead_providers::{AddOnType, Destination, Scheme};
use keystead_vault::{ProviderKey, Token, TokenKind, random};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, any::AnyQueryResult};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

/// Who does things in these tests.
pub(crate) const ACTOR: Actor = Actor::Operator;

/// A fresh store, opened.
pub(crate) struct Bed {
    pub(crate) url: StoreUrl,
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) custody: Custody,
}

/// A store that nobody has open.
pub(crate) struct Shut {
    pub(crate) url: StoreUrl,
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
}

impl Shut {
    /// Opens it with the root key from `source`.
    pub(crate) async fn open(&self, source: &RootKeySource) -> Result<Custody, CustodyError> {
        let store = Store::open(&self.url, Access::Write, self.clock.clone())
            .await
            .unwrap();
        let opened = Custody::open(store.clone(), source).await;
        if opened.is_err() {
            store.close().await;
        }
        opened
    }

    pub(crate) fn root(&self) -> RootKeySource {
        RootKeySource::File(self.folder.join("root.key"))
    }
}

/// A second store.
pub(crate) struct Another {
    pub(crate) url: StoreUrl,
    pub(crate) store: Store,
}

/// An organization with one of everything.
pub(crate) struct Furnished {
    pub(crate) organization: OrganizationId,
    pub(crate) founded: Founded,
    pub(crate) application: Application,
    pub(crate) secret: ClientSecret,
    pub(crate) secret_token: Token,
    pub(crate) key: Key,
    pub(crate) plaintext: String,
    pub(crate) addon: AddOn,
    pub(crate) token: Token,
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        let folder = folder();
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        Self::open(url, folder).await
    }

    pub(crate) async fn postgres() -> Self {
        let folder = folder();
        let name = format!("store_{}_{}", std::process::id(), unique());
        let template = template().await;
        run_at(
            &server(),
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        Self::open(StoreUrl::Postgres(database(&name)), folder).await
    }

    async fn open(url: StoreUrl, folder: PathBuf) -> Self {
        let clock = Clock::standing_at(Timestamp::from_micros(1_790_000_000_000_000));
        let store = Store::open(&url, Access::Write, clock.clone())
            .await
            .unwrap();
        let root = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store, &root).await.unwrap();
        let bed = Self {
            url,
            folder,
            clock,
            custody,
        };
        // The root key is in its file alone, or where a test has put that.
        let root_key = fs::read_to_string(bed.folder.join("root.key")).unwrap();
        canary("root_key", root_key.trim_end().to_owned(), &bed);
        fs::write(bed.folder.join("leak-allow"), "root.key\naway\n").unwrap();
        bed
    }

    /// Where custody found its root key.
    pub(crate) fn root(&self) -> RootKeySource {
        RootKeySource::File(self.folder.join("root.key"))
    }

    /// Gives the store up, so that another may open it. What it was stays in [`Shut`].
    pub(crate) async fn shut(self) -> Shut {
        self.store().close().await;
        Shut {
            url: self.url,
            folder: self.folder,
            clock: self.clock,
        }
    }

    /// A second store of the same kind, that nothing was installed in.
    pub(crate) async fn another(&self) -> Another {
        let url = self.another_unmigrated().await;
        let store = Store::open(&url, Access::Write, self.clock.clone())
            .await
            .unwrap();
        Another { url, store }
    }

    /// Where a store on PostgreSQL could be.
    pub(crate) async fn postgres_unmigrated() -> StoreUrl {
        let name = format!("store_{}_{}", std::process::id(), unique());
        run_at(&server(), &format!("CREATE DATABASE {name}")).await;
        StoreUrl::Postgres(database(&name))
    }

    /// Where a second store of the same kind could be.
    pub(crate) async fn another_unmigrated(&self) -> StoreUrl {
        match self.url {
            StoreUrl::Sqlite(_) => {
                let folder = self.folder.join(format!("db-{}", unique()));
                StoreUrl::Sqlite(folder.join("keystead.db"))
            }
            StoreUrl::Postgres(_) => Self::postgres_unmigrated().await,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        self.custody.store()
    }

    /// Writes to the database as someone would who has its password and nothing else.
    pub(crate) async fn behind_its_back(&self, statement: &str) -> AnyQueryResult {
        let mut connection = connect(&self.url).await;
        let done = connection
            .execute(AssertSqlSafe(statement.to_owned()))
            .await
            .unwrap();
        connection.close().await.unwrap();
        done
    }

    /// The one text that a question finds.
    pub(crate) async fn only(&self, question: &str) -> String {
        let mut connection = connect(&self.url).await;
        let question = AssertSqlSafe(question.to_owned());
        let found = sqlx::query_scalar(question)
            .fetch_one(&mut connection)
            .await;
        found.unwrap()
    }

    /// An organization with an application, a key, an AddOn and a token.
    pub(crate) async fn furnish(&self) -> Furnished {
        let email = canary(
            "email",
            format!("ada.{}@example.org", hex(random::<8>())),
            self,
        );
        let email = Email::parse(&email).unwrap();
        let founded = self
            .custody
            .found("Analytical Engines", &email)
            .await
            .unwrap();
        let organization = founded.organization.id;
        let new = NewApplication {
            name: "Engine".to_owned(),
            ..NewApplication::default()
        };
        let (application, secret) = self
            .custody
            .create_application(ACTOR, organization, new)
            .await
            .unwrap();
        let (secret, secret_token) = secret.expect("not a public application");
        canary("client_secret", secret_token.expose().to_owned(), self);
        let (key, plaintext) = self.add_key(&application).await;
        let addon = self.install_addon(&application, &key, "chat").await;
        let token = self.mint(&application, &secret).await;
        Furnished {
            organization,
            founded,
            application,
            secret,
            secret_token,
            key,
            plaintext,
            addon,
            token,
        }
    }

    pub(crate) async fn add_key(&self, application: &Application) -> (Key, String) {
        let plaintext = canary(
            "provider_key",
            format!("sk-test-{}", hex(random::<20>())),
            self,
        );
        let new = NewKey {
            organization: application.organization,
            application: application.id,
            provider: "openai".to_owned(),
            name: "main".to_owned(),
            destination: Destination {
                scheme: Scheme::Https,
                host: "api.openai.com".to_owned(),
                port: 443,
                prefix: String::new(),
            },
            explicit_endpoint: false,
            key: provider_key(&plaintext),
            status: KeyStatus::Valid,
        };
        (self.custody.add_key(ACTOR, new).await.unwrap(), plaintext)
    }

    pub(crate) async fn install_addon(
        &self,
        application: &Application,
        key: &Key,
        handle: &str,
    ) -> AddOn {
        let new = new_addon(application, key, handle);
        self.store()
            .install_addon(ACTOR, application.organization, new)
            .await
            .unwrap()
    }

    /// The owner signs in at the console.
    pub(crate) async fn sign_in(&self, there: &Furnished) -> (Session, Token) {
        let new = NewSession {
            organization: there.organization,
            account: there.founded.account.id,
            method: SignInMethod::Password,
            browser: "Firefox, Linux".to_owned(),
            lasts: Duration::from_secs(12 * 3600),
            replaces: None,
        };
        let (session, token) = self.store().create_session(new).await.unwrap();
        canary("session", token.expose().to_owned(), self);
        (session, token)
    }

    pub(crate) async fn mint(&self, application: &Application, secret: &ClientSecret) -> Token {
        let token = Token::generate(TokenKind::Access);
        canary("access_token", token.expose().to_owned(), self);
        let uid = canary("uid", format!("user-{}", hex(random::<8>())), self);
        let subject = self
            .custody
            .subject(application, "uid", "", &uid)
            .await
            .unwrap();
        let new = NewToken {
            organization: application.organization,
            application: application.id,
            hash: token.lookup(),
            secret: Some(secret.id),
            family: None,
            subject,
            scope: Vec::new(),
            expires_at: self.clock.now() + Duration::from_secs(600),
            key: None,
            is_console: false,
        };
        self.store().mint_token(new).await.unwrap();
        token
    }
}

/// A connection of one's own to a store.
pub(crate) async fn connect(url: &StoreUrl) -> AnyConnection {
    let address = match url {
        StoreUrl::Sqlite(path) => format!("sqlite://{}?mode=rw", path.display()),
        StoreUrl::Postgres(address) => address.clone(),
    };
    AnyConnection::connect(&address).await.unwrap()
}

pub(crate) fn new_addon(application: &Application, key: &Key, handle: &str) -> NewAddOn {
    NewAddOn {
        application: application.id,
        handle: handle.parse().unwrap(),
        kind: AddOnType::Text,
        key: Some(key.id),
        key_source: KeySource::Application,
        provider: None,
        models: vec!["gpt-5".to_owned()],
        operations: Operations::Default,
        allow: Vec::new(),
        strict: false,
        limits: RowLimits::default(),
    }
}

pub(crate) fn provider_key(text: &str) -> ProviderKey {
    ProviderKey::new(Zeroizing::new(text.to_owned()))
}

/// Plants a value that the leak scan at the end of the run must find nowhere.
pub(crate) fn canary(kind: &str, value: String, bed: &Bed) -> String {
    use std::io::Write as _;
    let file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(bed.folder.join("canaries"));
    writeln!(file.unwrap(), "{kind}\t{value}").unwrap();
    value
}

pub(crate) fn hex<const N: usize>(bytes: [u8; N]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The server that `cargo xtask test` started.
fn server() -> String {
    variable("KEYSTEAD_TEST_POSTGRES").expect(
        "KEYSTEAD_TEST_POSTGRES names no PostgreSQL server; run the tests by `cargo xtask test`",
    )
}

/// The address of another database on that server.
fn database(name: &str) -> String {
    let server = server();
    let (place, options) = server
        .split_once('?')
        .map_or((&*server, ""), |(place, options)| (place, options));
    let after_scheme = place.find("://").expect("a URL has a scheme") + 3;
    let host = place[after_scheme..]
        .find('/')
        .map_or(place, |slash| &place[..after_scheme + slash]);
    match options {
        "" => format!("{host}/{name}"),
        options => format!("{host}/{name}?{options}"),
    }
}

/// A migrated, empty database that each test's own is a copy of.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("store_{}_template", std::process::id());
            run_at(&server(), &format!("CREATE DATABASE {name}")).await;
            let url = StoreUrl::Postgres(database(&name));
            let store = Store::open(&url, Access::Write, Clock::system())
                .await
                .unwrap();
            store.close().await;
            name
        })
        .await
}

async fn run_at(address: &str, statement: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(address).await.unwrap();
    connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A folder of the test's own: in the run's, so that the leak scan sees it, or a scratch one.
fn folder() -> PathBuf {
    let run = variable("KEYSTEAD_TEST_RUN").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = run.join(format!("store-{}-{}", std::process::id(), unique()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the test run says is no setting of Keystead's"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
