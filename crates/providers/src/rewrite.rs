//! Addresses of the provider's own in its answers. A client that followed one would leave the
//! proxy behind and show its token to the provider.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{About, Destination, Operation, field_tree::FieldTree, path};

impl About {
    /// Turns each header that carries an address into one of ours, below `public_base`
    /// (`https://host/proxy/CLIENT/HANDLE`). An address that does not lie below `destination` is
    /// taken out; the names of those are handed back.
    pub fn rewrite_headers(
        &self,
        destination: &Destination,
        public_base: &str,
        headers: &mut HeaderMap,
    ) -> Vec<HeaderName> {
        let names: Vec<_> = headers
            .keys()
            .filter(|name| self.address_headers.contains(name))
            .cloned()
            .collect();
        let mut refused = Vec::new();
        for name in names {
            let mut values = headers.get_all(&name).iter();
            let only = values.next().filter(|_| values.next().is_none());
            let ours = only
                .and_then(|value| value.to_str().ok())
                .and_then(|address| moved(address, destination, public_base))
                .and_then(|address| HeaderValue::try_from(address).ok());
            match ours {
                Some(ours) => {
                    headers.insert(name, ours);
                }
                None => {
                    headers.remove(&name);
                    refused.push(name);
                }
            }
        }
        refused
    }
}

impl Operation {
    /// The same for the members of a JSON answer that [`addresses`](Self::addresses) lists; those
    /// that lie elsewhere become `null`. `None` where the answer is not JSON: it must not go on.
    pub fn rewrite_body(
        &self,
        destination: &Destination,
        public_base: &str,
        body: &[u8],
    ) -> Option<Bytes> {
        let mut tree = FieldTree::new();
        for place in &self.addresses {
            tree.insert(place, ());
        }
        let mut value = serde_json::from_slice(body).ok()?;
        replace(
            &tree,
            crate::field_tree::NodeId::ROOT,
            &mut value,
            &|address| moved(address, destination, public_base),
        );
        serde_json::to_vec(&value).ok().map(Bytes::from)
    }
}

fn replace(
    tree: &FieldTree<()>,
    at: crate::field_tree::NodeId,
    value: &mut serde_json::Value,
    moved: &impl Fn(&str) -> Option<String>,
) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let Some(at) = tree.member(at, name) {
                    replace(tree, at, member, moved);
                }
            }
        }
        Value::Array(elements) => {
            for element in elements {
                if let Some(at) = tree.elements(at) {
                    replace(tree, at, element, moved);
                }
            }
        }
        Value::String(address) if !tree.here(at).is_empty() => {
            *value = moved(address).map_or(Value::Null, Value::String);
        }
        _ => {}
    }
}

/// The provider's address as ours, path and query kept.
fn moved(address: &str, destination: &Destination, public_base: &str) -> Option<String> {
    let url = match address.starts_with('/') {
        // As servers write it: below their own root, whatever prefix lies before it.
        true => Url::parse(&destination.to_string())
            .ok()?
            .join(address)
            .ok()?,
        false => Url::parse(address).ok()?,
    };
    let same = url.scheme() == destination.scheme.as_str()
        && url.host_str() == Some(&destination.host)
        && url.port_or_known_default() == Some(destination.port)
        && url.username().is_empty()
        && url.password().is_none();
    let path = url.path().strip_prefix(&destination.prefix)?;
    let plain = path.strip_prefix('/')?.split('/').all(path::is_id);
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    (same && plain).then(|| format!("{}{path}{query}", public_base.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_moves_only_from_its_own_destination() {
        let destination: Destination = "https://res.example.com/x".parse().unwrap();
        let base = "https://us/proxy/c/h/";
        for (address, expected) in [
            (
                "https://res.example.com/x/v/r/1?a=b#c",
                Some("https://us/proxy/c/h/v/r/1?a=b"),
            ),
            (
                "https://RES.example.com:443/x/v:a",
                Some("https://us/proxy/c/h/v:a"),
            ),
            ("https://res.example.com/v", None),
            ("https://res.example.com/xx/v", None),
            ("http://res.example.com/x/v", None),
            ("https://res.example.com:444/x/v", None),
            ("https://evil.test/x/v", None),
            ("https://u@res.example.com/x/v", None),
            ("https://res.example.com/x/%2e%2e/v", None),
            ("/x/v?a", Some("https://us/proxy/c/h/v?a")),
            ("/v", None),
            ("//evil.test/x/v", None),
            ("v", None),
        ] {
            assert_eq!(
                moved(address, &destination, base).as_deref(),
                expected,
                "{address}"
            );
        }
    }
}
