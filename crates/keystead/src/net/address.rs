//! Which addresses a provider may have.
//!
//! Checked on the address that is connected to, after the name was resolved, so that neither an
//! address written as a name, nor a name that resolves to something else the second time
//! (DNS rebinding), reaches the inside of a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What the operator allows beyond public addresses.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    /// `danger.allow_private_upstreams`: loopback and private ranges may be connected to.
    /// Link-local and metadata addresses stay refused whatever this says.
    pub allow_private: bool,
    /// This program's own listeners: a call that came back in would go round for ever.
    pub own: Vec<SocketAddr>,
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressRefused {
    /// Link-local, metadata, multicast, unspecified: nothing a provider can live at.
    #[error("the address is link-local, multicast or reserved, which is never allowed")]
    Never,
    /// Loopback or a private range.
    #[error("the address is private; `danger.allow_private_upstreams` would allow it")]
    Private,
    /// One of this program's own listeners.
    #[error("the address is one of Keystead's own listeners")]
    Own,
}

impl AddressRefused {
    /// The same as a sentence for whoever entered the endpoint.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Never => "it resolves to a link-local, multicast or reserved address",
            Self::Private => {
                "it resolves to a private address; `danger.allow_private_upstreams` would allow it"
            }
            Self::Own => "it is the address of Keystead itself",
        }
    }
}

impl AddressRules {
    /// Says whether `address` may be connected to.
    ///
    /// # Errors
    ///
    /// The reason for which it may not.
    pub fn check(&self, address: SocketAddr) -> Result<(), AddressRefused> {
        let ip = canonical(address.ip());
        let is_own = self.own.iter().any(|own| {
            own.port() == address.port()
                && (canonical(own.ip()) == ip || (own.ip().is_unspecified() && ip.is_loopback()))
        });
        if is_own {
            return Err(AddressRefused::Own);
        }
        match class(ip) {
            Class::Public => Ok(()),
            Class::Private if self.allow_private => Ok(()),
            Class::Private => Err(AddressRefused::Private),
            Class::Never => Err(AddressRefused::Never),
        }
    }
}

enum Class {
    Public,
    Private,
    Never,
}

/// An IPv4 address that travels inside an IPv6 one is judged as what it is.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

fn class(ip: IpAddr) -> Class {
    match ip {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

/// The IANA IPv4 special-purpose registry (RFC 6890 and successors).
fn class_v4(ip: Ipv4Addr) -> Class {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        // 169.254.169.254 and its neighbours hand out cloud credentials.
        (0, ..) | (169, 254, _) | (224.., ..) => Class::Never,
        // Azure's and Alibaba's metadata and wire servers live on otherwise ordinary addresses.
        (168, 63, 129) | (100, 100, 100) => Class::Never,
        (10 | 127, ..) | (192, 168, _) => Class::Private,
        (100, 64..=127, _) | (172, 16..=31, _) => Class::Private,
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => Class::Private,
        (198, 18..=19, _) | (192, 88, 99) => Class::Private,
        _ => Class::Public,
    }
}

/// The IANA IPv6 special-purpose registry; what can carry an IPv4 address is refused whole.
fn class_v6(ip: Ipv6Addr) -> Class {
    let segments = ip.segments();
    if ip.is_loopback() {
        return Class::Private;
    }
    match segments {
        // AWS answers for its metadata service here.
        [0xfd00, 0x0ec2, ..] => Class::Never,
        // fe80::/10 link-local, fec0::/10 site-local, ff00::/8 multicast.
        [first, ..] if first & 0xff80 == 0xfe80 || first & 0xff00 == 0xff00 => Class::Never,
        // ::/96 unspecified and IPv4-compatible, 64:ff9b::/32 NAT64, 2001::/32 Teredo, 2002::/16 6to4.
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => {
            Class::Never
        }
        [first, ..] if first & 0xfe00 == 0xfc00 => Class::Private,
        [0x2001, 0x0db8, ..] | [0x3fff, ..] => Class::Private,
        [0x0100, 0, 0, 0, ..] => Class::Never,
        _ => Class::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, allow_private: bool) -> Result<(), AddressRefused> {
        let rules = AddressRules {
            allow_private,
            own: vec!["127.0.0.1:8420".parse().unwrap()],
        };
        rules.check(SocketAddr::new(text.parse().unwrap(), 443))
    }

    #[test]
    fn only_public_addresses_pass_by_default() {
        for ip in ["1.1.1.1", "104.18.7.192", "2606:4700::6810:1"] {
            assert_eq!(check(ip, false), Ok(()), "{ip}");
        }
        for ip in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "203.0.113.9",
            "::1",
            "fc00::1",
            "fd12::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(check(ip, false), Err(AddressRefused::Private), "{ip}");
            assert_eq!(check(ip, true), Ok(()), "{ip} with danger");
        }
    }

    #[test]
    fn link_local_and_metadata_stay_refused_whatever_the_operator_says() {
        for ip in [
            "169.254.169.254",
            "169.254.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "100.100.100.200",
            "::",
            "fe80::1",
            "ff02::1",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:0:53aa::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
        ] {
            assert_eq!(check(ip, true), Err(AddressRefused::Never), "{ip}");
        }
    }

    #[test]
    fn own_listeners_are_refused_under_every_spelling() {
        let rules = AddressRules {
            allow_private: true,
            own: vec![
                "0.0.0.0:8420".parse().unwrap(),
                "127.0.0.1:8421".parse().unwrap(),
            ],
        };
        for own in [
            "127.0.0.1:8420",
            "127.0.0.9:8420",
            "[::1]:8420",
            "[::ffff:127.0.0.1]:8421",
        ] {
            assert_eq!(
                rules.check(own.parse().unwrap()),
                Err(AddressRefused::Own),
                "{own}"
            );
        }
        assert_eq!(rules.check("127.0.0.1:9000".parse().unwrap()), Ok(()));
    }
}
