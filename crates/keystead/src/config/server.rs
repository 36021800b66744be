//! `[server]`, `[management]` and `[console]`: where Keystead listens and who may come.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use url::{Host, Url};

use super::{
    Sources,
    reader::{Fallback, Reader},
    value::{HostName, Value},
};

/// The `[server]` table: the public listener.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where the public listener is bound.
    pub listen: SocketAddr,
    /// The address that clients know Keystead by.
    pub public_url: BaseUrl,
    /// The console's own address; the public one unless set.
    pub console_url: BaseUrl,
    /// The address of the end users' pages; the public one unless set.
    pub connect_url: BaseUrl,
    /// The host name that passkeys are made for: the console's, or a domain above it.
    pub rp_id: String,
    /// Further host names, in lower case.
    pub hosts: Vec<String>,
    /// Who may speak plain HTTP for others: the operator's own TLS terminators.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate and key, if Keystead ends TLS itself.
    pub tls: Option<TlsFiles>,
    /// How many data-plane threads run.
    pub threads: NonZeroUsize,
    /// How many connections may be open at once; the descriptor table is grown to fit.
    pub max_connections: NonZeroU32,
    /// How long a client may take to send its request head.
    pub header_timeout: Duration,
    /// How long a request body may stand still, or take in all where it is not the proxy's.
    pub body_idle_timeout: Duration,
    /// How long the listener goes on after readiness has turned off.
    pub drain_delay: Duration,
    /// How long running streams may take to finish after that.
    pub drain_deadline: Duration,
}

/// The two files of `server.tls_…_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM chain, leaf first.
    pub certificates: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// The `[management]` table.
#[derive(Debug, Clone)]
pub struct Management {
    /// Where the management listener is bound.
    pub listen: SocketAddr,
    /// Host names it answers to besides `localhost` and IP literals, in lower case.
    pub hosts: Vec<String>,
}

/// The `[console]` table.
#[derive(Debug, Clone)]
pub struct Console {
    /// Address ranges that may use the console and the REST API; empty: all.
    pub allow: Vec<IpNet>,
    /// How long a session lasts that nobody uses.
    pub session_idle: Duration,
    /// How long a session lasts at most.
    pub session_max: Duration,
    /// The operator's own text of the data-protection page.
    pub privacy_file: Option<PathBuf>,
}

/// The folder for Keystead's own files.
pub(super) fn read_data_dir(reader: &mut Reader<'_>, sources: &Sources) -> PathBuf {
    let default = sources.default_data_dir();
    let effective = default
        .as_deref()
        .unwrap_or(Path::new("."))
        .display()
        .to_string();
    let fallback = Fallback::derived(
        "$XDG_DATA_HOME/keystead or ~/.local/share/keystead",
        effective,
    );
    let chosen = reader.read(
        "server.data_dir",
        fallback,
        "Folder for Keystead's own files: the root key, and under db/ the embedded store. Also \
         `--data-dir`. Without `--config`, its keystead.toml is read.",
    );
    if default.is_none() && !reader.is_set("server.data_dir") {
        reader.conflict(
            "server.data_dir",
            "no home folder is known; give `--data-dir`",
        );
    }
    chosen
}

impl Console {
    /// Whether console and REST API may be used from an address.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        // An IPv4 client of a dual-stack listener shows as an IPv6 address.
        let address = address.map(|address| address.to_canonical());
        let inside = |address| self.allow.iter().any(|range| range.contains(&address));
        self.allow.is_empty() || address.is_some_and(inside)
    }
}

impl Server {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let listen: SocketAddr = reader.read(
            "server.listen",
            "127.0.0.1:8420",
            "Where the public listener is bound: proxy, tokens, API, console.",
        );
        let tls = read_tls(reader);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let local = format!("{scheme}://localhost:{}", listen.port());
        let public_url: BaseUrl = reader.read(
            "server.public_url",
            Fallback::derived("http://localhost:8420", local),
            "The address that clients know Keystead by. A name, not an IP address: passkeys need \
             one. The default takes the port of `server.listen`.",
        );
        let own = |reader: &mut Reader<'_>, name, text| {
            reader.read(
                name,
                Fallback::derived("server.public_url", &public_url),
                text,
            )
        };
        let console_url = own(
            reader,
            "server.console_url",
            "The console's address, if it has a host of its own.",
        );
        let rp_id = read_rp_id(reader, &console_url);
        let connect_url = own(
            reader,
            "server.connect_url",
            "The address of the end users' pages, if they have a host of their own.",
        );
        Self {
            listen,
            public_url,
            console_url,
            connect_url,
            rp_id,
            hosts: host_names(
                reader,
                "server.hosts",
                "Further host names that requests may carry. Hosts of the addresses above, \
                 `localhost` and IP literals are always known; any other is answered 421.",
            ),
            trusted_proxies: reader.read(
                "server.trusted_proxies",
                "",
                "Address ranges of your own TLS terminators. From them plain HTTP is taken when \
                 it says `X-Forwarded-Proto: https`, and X-Forwarded-For is believed.",
            ),
            tls,
            threads: reader.read(
                "server.threads",
                Fallback::derived("one a core", cores()),
                "How many data-plane threads run.",
            ),
            max_connections: reader.read(
                "server.max_connections",
                "8192",
                "How many connections of clients one process takes at once, those that are still in \
                 a TLS handshake too; it makes room for as many to providers.",
            ),
            header_timeout: reader.read(
                "server.header_timeout",
                "10s",
                "How long a client may take to send its request head, and over HTTP/2 its first \
                 request.",
            ),
            body_idle_timeout: reader.read(
                "server.body_idle_timeout",
                "60s",
                "How long a client may pause in the middle of a request body, and in all while one is \
                 held that comes at less than 32 KiB a second; and how long a body to console, API or \
                 OAuth may take in all.",
            ),
            drain_delay: reader.read(
                "server.drain_delay",
                "0s",
                "At a stop, how long the listener goes on after readiness has turned off; give a \
                 load balancer's probe interval.",
            ),
            drain_deadline: reader.read(
                "server.drain_deadline",
                "2m",
                "At a stop, how long running streams may take to finish.",
            ),
        }
    }

    /// Every host name that a request may carry besides `localhost` and IP literals, lower-case.
    pub fn known_hosts(&self) -> Vec<String> {
        let urls = [&self.public_url, &self.console_url, &self.connect_url];
        let mut hosts: Vec<String> = urls.iter().map(|url| url.host()).collect();
        hosts.extend(self.hosts.iter().cloned());
        hosts.sort();
        hosts.dedup();
        hosts
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let open = !self.listen.ip().is_loopback();
        let unreachable = open && self.tls.is_none() && self.trusted_proxies.is_empty();
        let text = "server.listen is not a loopback address, but there is neither \
                    server.tls_cert_file nor server.trusted_proxies: only calls from this machine \
                    will be served";
        unreachable.then(|| text.to_owned()).into_iter().collect()
    }
}

impl Management {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            listen: reader.read(
                "management.listen",
                "127.0.0.1:8421",
                "Where /healthz, /readyz and /metrics are served, without authentication.",
            ),
            hosts: host_names(
                reader,
                "management.hosts",
                "Host names that the management listener answers to, besides `localhost` and IP \
                 literals.",
            ),
        }
    }
}

impl Console {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            allow: reader.read(
                "console.allow",
                "",
                "Address ranges that may use the console and the REST API. Empty: all.",
            ),
            session_idle: reader.read(
                "console.session_idle",
                "30m",
                "How long someone stays signed in at the console without using it.",
            ),
            session_max: reader.read(
                "console.session_max",
                "12h",
                "How long someone stays signed in at the console at most.",
            ),
            privacy_file: reader.optional(
                "console.privacy_file",
                "File with your own text of the page at `/privacy`, in Markdown, in place of the one that \
                 ships.",
            ),
        }
    }
}

/// `http://` or `https://` with a host and perhaps a port, and nothing behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The host in lower case; IPv6 literals in brackets.
    pub fn host(&self) -> String {
        self.0
            .host()
            .map(|host: Host<&str>| host.to_string())
            .unwrap_or_default()
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// This address with `path` (which starts with a slash) behind it.
    pub fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

/// Without a closing slash.
impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl Value for BaseUrl {
    const EXPECTED: &'static str =
        "`http://` or `https://` with a host and no path, such as `https://ai.example.org`";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "http" | "https");
        (bare && anonymous && web && url.host().is_some()).then_some(Self(url))
    }
}

/// Passkeys of one host name are of no use under another, so it must fit the console's address.
fn read_rp_id(reader: &mut Reader<'_>, console_url: &BaseUrl) -> String {
    const NAME: &str = "server.rp_id";
    let host = console_url.host();
    let Some(HostName(rp_id)) = reader.optional(
        NAME,
        "The host name that passkeys are made for: the console's (the default), or a domain above \
         it. Once there is a passkey it can't change.",
    ) else {
        return host;
    };
    let is_above = host
        .strip_suffix(&rp_id)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !is_above {
        reader.conflict(
            NAME,
            "is neither the console's host name nor a domain above it",
        );
    }
    rp_id
}

fn read_tls(reader: &mut Reader<'_>) -> Option<TlsFiles> {
    const CERTIFICATES: &str = "server.tls_cert_file";
    const KEY: &str = "server.tls_key_file";
    let certificates = reader.optional(
        CERTIFICATES,
        "PEM file with the certificate chain, leaf first. With it the public listener speaks TLS.",
    );
    let key = reader.optional(KEY, "PEM file with the certificate's private key.");
    match (certificates, key) {
        (Some(certificates), Some(key)) => return Some(TlsFiles { certificates, key }),
        (Some(_), None) => reader.conflict(CERTIFICATES, format!("needs `{KEY}` as well")),
        (None, Some(_)) => reader.conflict(KEY, format!("needs `{CERTIFICATES}` as well")),
        (None, None) => {}
    }
    None
}

fn host_names(reader: &mut Reader<'_>, name: &str, text: &'static str) -> Vec<String> {
    let hosts: Vec<HostName> = reader.read(name, "", text);
    hosts.into_iter().map(|host| host.0).collect()
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
