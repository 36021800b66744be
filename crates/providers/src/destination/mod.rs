//! Where a provider is called: a scheme, a host, a port and a path prefix, and which hosts a key
//! may go to.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// The address that a provider's own path is appended to. It is sealed together with the key, so a
/// key never travels to another.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Destination {
    /// `https`, or `http` for a stand-in on one's own machine.
    pub scheme: Scheme,
    /// In lower case; an IPv6 literal in brackets.
    pub host: String,
    /// Always there, the scheme's own included.
    pub port: u16,
    /// Empty, or `/x/y` without a closing slash.
    pub prefix: String,
}

/// How a destination is spoken to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// In the clear; refused but for test upstreams.
    Http,
    /// Over TLS.
    Https,
}

/// What the operator allows beside the provider's own hosts.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostRules<'a> {
    /// `[providers.NAME] base_url`: used when no endpoint is given.
    pub base_url: Option<&'a Destination>,
    /// `danger.allow_private_upstreams`: any host, address or scheme may be an endpoint.
    pub any_host: bool,
}

/// The hosts of one provider, as its data file lists them.
#[derive(Clone, Debug)]
pub struct Destinations {
    /// Used when neither key nor caller says otherwise; `None` where each customer has their own.
    pub(crate) default: Option<Destination>,
    /// Endings of a key that decide the host: DeepL's `:fx`.
    pub(crate) by_suffix: Vec<(&'static str, Destination)>,
    /// Exact hosts, and patterns with one free label in front: `*.openai.azure.com`.
    pub(crate) hosts: Vec<&'static str>,
}

/// Why an endpoint was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// This provider has a host for each customer, so one must be named.
    #[error("this provider needs `--endpoint`, for example `{example}`")]
    Missing {
        /// What it looks like.
        example: &'static str,
    },
    /// Not an address at all.
    #[error("the endpoint is not a URL")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("the endpoint must start with https://")]
    Scheme,
    /// Something that has no place in an address a key is sent to.
    #[error("the endpoint may not have {part}")]
    Extra {
        /// `a user or password`, `a query`, `a fragment`.
        part: &'static str,
    },
    /// Plain HTTP to a real provider would send the key in the clear.
    #[error("the endpoint must use https")]
    Insecure,
    /// A literal address is no provider's.
    #[error("the endpoint must be a name, not an address")]
    Address,
    /// A host that is not this provider's.
    #[error("`{host}` is not a host of this provider; known are {known}")]
    UnknownHost {
        /// What was asked for.
        host: String,
        /// The list, for the reader.
        known: String,
    },
    /// A provider's hosts answer on 443 and know no prefix.
    #[error("the endpoint may have neither a port nor a path")]
    PortOrPath,
}

impl Destinations {
    /// Where `key` is to be used. The key's own ending wins over the default, an endpoint over
    /// both, and it must be one of the provider's hosts unless `rules` allow any.
    ///
    /// # Errors
    ///
    /// [`EndpointError`], safe to show.
    pub(crate) fn choose(
        &self,
        key: &str,
        endpoint: Option<&str>,
        rules: HostRules<'_>,
    ) -> Result<Destination, EndpointError> {
        if let Some(endpoint) = endpoint {
            let wanted: Destination = endpoint.parse()?;
            if rules.any_host || rules.base_url == Some(&wanted) {
                return Ok(wanted);
            }
            return self.check(wanted);
        }
        if let Some(base_url) = rules.base_url {
            return Ok(base_url.clone());
        }
        let by_suffix = self.by_suffix.iter();
        let mut fitting = by_suffix.filter(|(suffix, _)| key.ends_with(suffix));
        let found = fitting.next().map(|(_, own)| own).or(self.default.as_ref());
        found.cloned().ok_or_else(|| EndpointError::Missing {
            example: self.example(),
        })
    }

    /// Whether `host` is one of the provider's.
    pub fn knows(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|pattern| match pattern.strip_prefix('*') {
                Some(suffix) => host.strip_suffix(suffix).is_some_and(is_label),
                None => host == *pattern,
            })
    }

    /// The hosts as the data file lists them; `*.` stands for one label.
    pub fn hosts(&self) -> &[&'static str] {
        &self.hosts
    }

    /// Whether each customer has a host of their own, so that a key needs an endpoint.
    pub fn needs_endpoint(&self) -> bool {
        self.default.is_none()
    }

    fn check(&self, wanted: Destination) -> Result<Destination, EndpointError> {
        if wanted.scheme != Scheme::Https {
            return Err(EndpointError::Insecure);
        }
        if wanted.is_address() {
            return Err(EndpointError::Address);
        }
        if !self.knows(&wanted.host) {
            return Err(EndpointError::UnknownHost {
                known: self.hosts.join(", "),
                host: wanted.host,
            });
        }
        if wanted.port != Scheme::Https.port() || !wanted.prefix.is_empty() {
            return Err(EndpointError::PortOrPath);
        }
        Ok(wanted)
    }

    fn example(&self) -> &'static str {
        let pattern = self.hosts.first().copied().unwrap_or_default();
        format!("https://{}", pattern.replace('*', "my-resource")).leak()
    }
}

impl Destination {
    /// Whether the host is an IP literal.
    pub fn is_address(&self) -> bool {
        !matches!(Host::parse(&self.host), Ok(Host::Domain(_)))
    }

    /// `host`, or `host:port` where the port is not the scheme's own: the `Host` header.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl Scheme {
    /// `https` or `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that goes without saying.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl FromStr for Destination {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(EndpointError::Scheme),
        };
        let extras = [
            (
                !url.username().is_empty() || url.password().is_some(),
                "a user or password",
            ),
            (url.query().is_some(), "a query"),
            (url.fragment().is_some(), "a fragment"),
            (
                url.path().contains("//") || url.path().contains('%'),
                "an escape or an empty step in its path",
            ),
        ];
        if let Some((_, part)) = extras.into_iter().find(|(present, _)| *present) {
            return Err(EndpointError::Extra { part });
        }
        let host = url.host_str().ok_or(EndpointError::NotAUrl)?;
        Ok(Self {
            scheme,
            host: host.trim_end_matches('.').to_owned(),
            port: url.port_or_known_default().ok_or(EndpointError::NotAUrl)?,
            prefix: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.as_str();
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

/// One label of a host name, as cloud services let customers choose it.
fn is_label(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=64).contains(&text.len())
        && text.bytes().all(known)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
