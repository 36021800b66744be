//! The names under which this server may be addressed.

use std::net::{IpAddr, Ipv6Addr};

/// The known hosts: those of the configured addresses, `localhost`, and every IP literal (a page
/// can only rebind a *name* to us).
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Knows `names`, whatever case they are written in.
    pub fn new<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The names that were given.
    #[must_use]
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether `host`, as a Host header or authority writes it, is known.
    #[must_use]
    pub fn knows(&self, host: &str) -> bool {
        if let Some(literal) = host.strip_prefix('[') {
            let end = literal
                .split_once(']')
                .map(|(ip, port)| (ip.parse::<Ipv6Addr>(), port));
            return matches!(end, Some((Ok(_), port)) if port.is_empty() || is_port(port));
        }
        let name = match host.split_once(':') {
            Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
            Some(_) => return false,
            None => host,
        };
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok()
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
}
