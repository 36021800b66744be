//! Settings: what was written (flags, environment, file) becomes one checked [`Config`].
//!
//! ```text
//! flags  >  environment  >  file  >  default          the first that has a value wins
//!     └──────────┴───────────┴──> Reader ──> Config   every section reads its own settings
//! ```
//!
//! A setting is declared where it is read, with its default and its text, so the list of known
//! names, `keystead config example` and the reference page can't differ from what the program
//! understands. All mistakes are reported at once, each with the place it was written in.
//!
//! [`resolve`] is a pure function of its [`Sources`]; only [`sources`] looks at the process.
//! Values are text in one syntax everywhere: durations `500ms`, `5s`, `2m`, `1h` (a bare number is
//! seconds), sizes in bytes or `256MiB`, lists as TOML arrays or `a, b` in the environment.

mod audit;
mod data_plane;
mod erasure;
mod error;
mod init;
mod limits;
mod log;
mod oidc;
mod reach;
mod reader;
mod reference;
mod retention;
mod server;
pub mod sources;
mod storage;
mod toml_file;
mod value;
mod watch;

use std::path::PathBuf;

pub use self::audit::AuditSettings;
pub use self::data_plane::{Danger, ProviderSettings, Upstream};
pub use self::erasure::ErasureSettings;
pub use self::error::{ConfigError, Problem};
pub use self::init::{Init, InitAdmin};
pub use self::limits::Limits;
pub use self::log::{LogFormat, LogLevel, LogSettings};
pub use self::oidc::Oidc;
pub use self::reader::{Origin, Setting};
pub use self::reference::{example, render, to_json};
pub use self::retention::Retention;
pub use self::server::{BaseUrl, Console, Management, Server, TlsFiles};
pub use self::sources::{Flags, Sources};
pub use self::storage::{RootKeySource, StoreSettings};
pub use self::watch::WatchSettings;

use self::reader::Reader;

/// Every setting of one process, checked. Made once at start and passed down; never global.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Keystead keeps its own files.
    pub data_dir: PathBuf,
    /// The public listener and the addresses it is known by.
    pub server: Server,
    /// The listener for health, readiness and metrics.
    pub management: Management,
    /// Who may reach the console and the REST API.
    pub console: Console,
    /// The first account, made without a browser.
    pub init: Init,
    /// One's own OpenID provider, to sign in by.
    pub oidc: Option<Oidc>,
    /// The Data Store.
    pub store: StoreSettings,
    /// Where the root key comes from.
    pub root_key: RootKeySource,
    /// Rates, concurrency and held bytes.
    pub limits: Limits,
    /// How long what was written down is kept.
    pub retention: Retention,
    /// What shows that the audit log was not rewritten.
    pub audit: AuditSettings,
    /// What raises alerts.
    pub watch: WatchSettings,
    /// What keeps that something was erased.
    pub erasure: ErasureSettings,
    /// Time-outs and retries towards the providers.
    pub upstream: Upstream,
    /// What differs from a provider's own defaults, one entry a provider that has any.
    pub providers: Vec<ProviderSettings>,
    /// What weakens a promise on purpose.
    pub danger: Danger,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Things that are allowed but worth a line at every start.
    pub warnings: Vec<String>,
}

impl Config {
    /// The settings of the provider called `name`, if the configuration has any.
    pub fn provider(&self, name: &str) -> Option<&ProviderSettings> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

/// A checked configuration and how each of its settings came about.
#[derive(Debug)]
pub struct Resolved {
    /// The configuration itself.
    pub config: Config,
    /// Every setting in reading order, secrets masked.
    pub settings: Vec<Setting>,
}

/// Turns what was written into a [`Config`], or into all that is wrong with it.
///
/// # Errors
///
/// [`ConfigError`] with one [`Problem`] for each unknown name and each value that does not fit.
pub fn resolve(sources: &Sources) -> Result<Resolved, ConfigError> {
    let mut reader = Reader::new(sources);
    let config = read(&mut reader, sources);
    let settings = reader.finish()?;
    Ok(Resolved { config, settings })
}

fn read(reader: &mut Reader<'_>, sources: &Sources) -> Config {
    let data_dir = server::read_data_dir(reader, sources);
    let server = Server::read(reader);
    let management = Management::read(reader);
    let console = Console::read(reader);
    let init = Init::read(reader);
    let oidc = Oidc::read(reader);
    let store = StoreSettings::read(reader, &data_dir);
    let root_key = RootKeySource::read(reader, &data_dir);
    let limits = Limits::read(reader);
    let retention = Retention::read(reader);
    let audit = AuditSettings::read(reader, &data_dir);
    let watch = WatchSettings::read(reader);
    let erasure = ErasureSettings::read(reader, &data_dir);
    let upstream = Upstream::read(reader);
    let providers = data_plane::read_providers(reader);
    let danger = Danger::read(reader);
    let log = LogSettings::read(reader, sources);
    let warnings = [server.warnings(), danger.warnings()].concat();
    Config {
        data_dir,
        server,
        management,
        console,
        init,
        oidc,
        store,
        root_key,
        limits,
        retention,
        audit,
        watch,
        erasure,
        upstream,
        providers,
        danger,
        log,
        warnings,
    }
}

#[cfg(test)]
mod tests;
