//! Who is at the other end of a connection, and whose word is taken for it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::proxy::plane::Client;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::proxy) struct Peer {
    pub(in crate::proxy) address: IpAddr,
    pub(in crate::proxy) tls: bool,
}

impl Peer {
    /// Who the client is: the peer, or behind a trusted proxy the last hop that is not one.
    pub(in crate::proxy) fn client(self, headers: &http::HeaderMap, trusted: &[IpNet]) -> Client {
        let is_trusted = |address: IpAddr| {
            trusted
                .iter()
                .any(|range| range.contains(&address.to_canonical()))
        };
        if !is_trusted(self.address) {
            let is_private = self.tls || self.address.to_canonical().is_loopback();
            return Client {
                address: self.address,
                is_private,
            };
        }
        let says_https = headers
            .get("x-forwarded-proto")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.rsplit(',').next().unwrap_or_default().trim() == "https");
        let hops = headers.get_all("x-forwarded-for").iter().rev();
        let address = hops
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.rsplit(','))
            .map_while(|hop| hop.trim().parse::<IpAddr>().ok())
            .find(|hop| !is_trusted(*hop))
            .unwrap_or(self.address);
        Client {
            address,
            is_private: self.tls || says_https || address.is_loopback(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let client = Peer {
            address: peer.parse().unwrap(),
            tls: false,
        }
        .client(&map, &trusted);
        (client.address.to_string(), client.is_private)
    }

    #[test]
    fn forwarded_headers_are_believed_from_trusted_proxies_only() {
        let claims = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
        ];
        for (peer, headers, expected) in [
            ("203.0.113.9", &claims[..], ("203.0.113.9", false)),
            ("127.0.0.1", &claims[..], ("127.0.0.1", true)),
            ("10.0.0.1", &claims[..], ("1.2.3.4", true)),
            ("10.0.0.1", &claims[..1], ("1.2.3.4", false)),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "9.9.9.9, 1.2.3.4, 10.0.0.7")],
                ("1.2.3.4", false),
            ),
            (
                "10.0.0.1",
                &[("x-forwarded-for", "1.2.3.4, junk, 10.0.0.7")],
                ("10.0.0.1", false),
            ),
            ("10.0.0.1", &[], ("10.0.0.1", false)),
        ] {
            let (address, is_private) = expected;
            assert_eq!(
                client(peer, headers),
                (address.to_owned(), is_private),
                "{peer} {headers:?}"
            );
        }
    }
}
