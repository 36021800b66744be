//! Who says who an application's users are: the issuer whose tokens they may exchange.

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::{Manage, fields::Fields};
use crate::store::TrustedIssuer;

/// Who says who an application's users are, to be taken at its word.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationIssuerWanted)]
pub struct WantedIssuer {
    /// The issuer's name, an address, to the letter as its tokens say it in `iss`; nobody, if empty.
    pub issuer: String,
    /// What its tokens for this application say in `aud`. No other application should have the same.
    #[serde(default)]
    pub audience: String,
    /// Where its keys are; if it is left out, its discovery document says so.
    pub jwks_uri: Option<String>,
}

/// Who says who an application's users are.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ApplicationIssuer)]
pub struct IssuerView {
    /// The issuer's name.
    pub issuer: String,
    /// What its tokens for this application say in `aud`.
    pub audience: String,
    /// Where its keys are, if its discovery document is not asked.
    pub jwks_uri: Option<String>,
}

impl WantedIssuer {
    /// The issuer, or none if none is named.
    pub(super) fn read(self, manage: &Manage, fields: &mut Fields) -> Option<TrustedIssuer> {
        if self.issuer.is_empty() {
            return None;
        }
        let plain = manage.0.any_host;
        if !is_issuer(&self.issuer, plain) {
            fields.wrong(
                "issuer/issuer",
                "expected an https address without a query, as the tokens say it in `iss`",
            );
        }
        let fits = (1..=255).contains(&self.audience.len());
        if !fits || self.audience.chars().any(char::is_control) {
            fields.wrong(
                "issuer/audience",
                "expected what the tokens say in `aud`: 1 to 255 characters",
            );
        }
        let jwks = self.jwks_uri.filter(|jwks| !jwks.is_empty());
        if jwks.as_ref().is_some_and(|jwks| !is_address(jwks, plain)) {
            fields.wrong("issuer/jwks_uri", "expected an https address");
        }
        Some(TrustedIssuer {
            name: self.issuer,
            audience: self.audience,
            jwks,
        })
    }
}

impl From<TrustedIssuer> for IssuerView {
    fn from(issuer: TrustedIssuer) -> Self {
        Self {
            issuer: issuer.name,
            audience: issuer.audience,
            jwks_uri: issuer.jwks,
        }
    }
}

/// RFC 8414, part 2: neither query nor fragment.
fn is_issuer(text: &str, plain: bool) -> bool {
    is_address(text, plain) && !text.contains('?')
}

/// Without TLS, keys could be anybody's; `plain` is for trying things out on one's own machine.
fn is_address(text: &str, plain: bool) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let is_secure = url.scheme() == "https" || (plain && url.scheme() == "http");
    let is_bare = url.username().is_empty() && url.password().is_none();
    is_secure && is_bare && url.host().is_some() && !text.contains('#') && text.len() <= 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_address_over_tls() {
        for (text, plain, expected) in [
            ("https://login.example", false, true),
            ("https://login.example/tenant/", false, true),
            ("http://login.example", false, false),
            ("http://127.0.0.1:9000", true, true),
            ("https://login.example/?x=1", false, false),
            ("https://login.example/#x", false, false),
            ("https://u:p@login.example", false, false),
            ("login.example", true, false),
            ("file:///etc/passwd", true, false),
        ] {
            assert_eq!(is_issuer(text, plain), expected, "{text}");
        }
    }
}
