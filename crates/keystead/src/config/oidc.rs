//! `[oidc]`: signing in by one's own OpenID provider.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

use super::{reader::Reader, value::Value};
use crate::store::Role;

/// The `[oidc]` table.
#[derive(Clone)]
pub struct Oidc {
    /// The provider: its exact name, which is its address.
    pub issuer: String,
    /// What this installation is called there.
    pub client_id: String,
    /// What this installation shows there.
    pub client_secret: Zeroizing<String>,
    /// What newcomers may do; `None` lets in nobody who is not known.
    pub newcomers: Option<Role>,
    /// What the button says.
    pub name: String,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oidc({})", self.issuer)
    }
}

impl Oidc {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const ISSUER: &str = "oidc.issuer";
        const CLIENT_ID: &str = "oidc.client_id";
        const SECRET: &str = "oidc.client_secret";
        let issuer = reader.optional::<Address>(
            ISSUER,
            "The OpenID provider that people may sign in by, exactly as it names itself, such as \
             `https://login.example.org`. Register `CONSOLE_URL/console/sign-in/oidc/callback` there.",
        );
        let client_id =
            reader.optional::<Word>(CLIENT_ID, "What this installation is called there.");
        let client_secret = reader.secret::<Word>(
            SECRET,
            None,
            "What this installation shows there. `oidc.client_secret_file` names a file that holds it.",
        );
        let newcomers = reader.read::<Newcomers>(
            "oidc.role",
            "none",
            "What people may do who sign in by the provider for the first time and have a checked \
             e-mail address: `admin`, `developer` or `auditor` of the first organization; `none` lets \
             in nobody who was not invited.",
        );
        let name = reader.read::<Word>(
            "oidc.name",
            "your organization",
            "What the button to sign in by it says, after “Sign in with”.",
        );
        match (issuer, client_id, client_secret) {
            (Some(Address(issuer)), Some(Word(client_id)), Some(Word(client_secret))) => {
                Some(Self {
                    issuer,
                    client_id,
                    client_secret: Zeroizing::new(client_secret),
                    newcomers: newcomers.0,
                    name: name.0,
                })
            }
            (None, None, None) => None,
            (issuer, client_id, client_secret) => {
                for (name, is_there) in [
                    (ISSUER, issuer.is_some()),
                    (CLIENT_ID, client_id.is_some()),
                    (SECRET, client_secret.is_some()),
                ] {
                    if !is_there {
                        reader.conflict(name, "is missing; the others of `[oidc]` are given");
                    }
                }
                None
            }
        }
    }
}

/// A provider's name: over TLS, but for one on this machine.
struct Address(String);

impl Value for Address {
    const EXPECTED: &'static str = "`https://…`, without query or fragment";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let host = url.host_str()?;
        let is_here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        let fits = url.scheme() == "https" || (url.scheme() == "http" && is_here);
        (bare && fits).then(|| Self(text.to_owned()))
    }
}

/// What newcomers may do.
struct Newcomers(Option<Role>);

impl Value for Newcomers {
    const EXPECTED: &'static str = "`none`, `admin`, `developer` or `auditor`";

    fn parse(text: &str) -> Option<Self> {
        match (text, text.parse()) {
            ("none", _) => Some(Self(None)),
            (_, Ok(Role::Owner) | Err(())) => None,
            (_, Ok(role)) => Some(Self(Some(role))),
        }
    }
}

/// One line of text that is not empty.
struct Word(String);

impl Value for Word {
    const EXPECTED: &'static str = "one line of text";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_over_tls_and_newcomers_are_never_owners() {
        for (text, fits) in [
            ("https://login.example.org", true),
            ("https://login.example.org/tenant", true),
            ("http://127.0.0.1:9000", true),
            ("http://localhost:9000", true),
            ("http://login.example.org", false),
            ("https://login.example.org?x=1", false),
            ("login.example.org", false),
        ] {
            assert_eq!(Address::parse(text).is_some(), fits, "{text}");
        }
        let role = |text| Newcomers::parse(text).map(|role| role.0);
        assert_eq!(role("none"), Some(None));
        assert_eq!(role("developer"), Some(Some(Role::Developer)));
        assert_eq!(role("owner"), None);
        assert_eq!(role("god"), None);
    }
}
