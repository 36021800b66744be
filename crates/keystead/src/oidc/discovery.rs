//! Where an OpenID provider is to be asked what (OpenID Connect Discovery 1.0).

use keystead_providers::{Destination, Scheme};
use serde::Deserialize;
use url::Url;

use super::OidcError;

/// Addresses of a provider.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Where the person's browser goes.
    pub authorization: String,
    /// Where a code becomes a token.
    pub token: String,
    /// Where its keys are.
    pub jwks: String,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    /// An issuer that only signs has none.
    #[serde(default)]
    authorization_endpoint: String,
    #[serde(default)]
    token_endpoint: String,
    jwks_uri: String,
}

impl Endpoints {
    /// Reads the document. It must name the very issuer that was asked.
    pub(super) fn read(issuer: &str, text: &[u8]) -> Result<Self, OidcError> {
        let document: Document = serde_json::from_slice(text)
            .map_err(|_| OidcError::Provider("its discovery document can't be read"))?;
        if document.issuer != issuer {
            return Err(OidcError::Provider("it is another issuer"));
        }
        Ok(Self {
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            jwks: document.jwks_uri,
        })
    }
}

/// Where the document lies.
pub(super) fn place(issuer: &str) -> String {
    let issuer = issuer.trim_end_matches('/');
    format!("{issuer}/.well-known/openid-configuration")
}

/// Host and port of an address.
pub(super) fn destination(address: &str) -> Option<Destination> {
    let url = Url::parse(address).ok()?;
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return None,
    };
    Some(Destination {
        scheme,
        host: url.host()?.to_string(),
        port: url.port_or_known_default()?,
        prefix: String::new(),
    })
}

/// What comes after the host.
pub(super) fn path_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// The `Host` header.
pub(super) fn host_of(destination: &Destination) -> String {
    match (destination.scheme, destination.port) {
        (Scheme::Https, 443) | (Scheme::Http, 80) => destination.host.clone(),
        (_, port) => format!("{}:{port}", destination.host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_believed_of_its_own_issuer_alone() {
        let text = |issuer: &str| {
            format!(
                "{{\"issuer\":\"{issuer}\",\"authorization_endpoint\":\"https://a/x\",\
                 \"token_endpoint\":\"https://a/t\",\"jwks_uri\":\"https://a/k\"}}"
            )
        };
        let read = |text: String| Endpoints::read("https://login.example", text.as_bytes());
        assert_eq!(
            read(text("https://login.example")).unwrap().jwks,
            "https://a/k"
        );
        for other in ["https://login.example/", "https://evil.example", ""] {
            assert!(read(text(other)).is_err(), "{other}");
        }
        assert!(read("{}".to_owned()).is_err());
    }

    #[test]
    fn addresses_are_taken_apart() {
        let place = place("https://login.example/tenant/");
        assert_eq!(
            place,
            "https://login.example/tenant/.well-known/openid-configuration"
        );
        let found = destination("https://login.example:8443/t?x=1").unwrap();
        assert_eq!((found.host.as_str(), found.port), ("login.example", 8443));
        assert_eq!(host_of(&found), "login.example:8443");
        assert_eq!(path_of("https://login.example/t?x=1").unwrap(), "/t?x=1");
        assert!(destination("file:///etc/passwd").is_none());
    }
}
