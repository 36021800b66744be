//! The forms in which SDKs send the credential, and which of them each provider takes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use keystead_vault::ProviderKey;
use zeroize::Zeroizing;

/// Where a client put its token; the real key leaves in the same place, unless the provider knows
/// only another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialForm {
    /// `Authorization: Bearer …`: OpenAI, Stability, new Anthropic SDKs.
    Bearer,
    /// `Authorization: DeepL-Auth-Key …`.
    #[serde(rename = "deepl-auth-key")]
    DeepLAuthKey,
    /// `x-api-key: …`: Anthropic.
    XApiKey,
    /// `api-key: …`: the Azure OpenAI clients.
    ApiKey,
    /// `Ocp-Apim-Subscription-Key: …`: Azure AI Vision.
    OcpApimSubscriptionKey,
}

/// A key as it leaves, made once for many requests; wiped when the last of them is over.
#[derive(Clone, Debug)]
pub struct KeyHeader {
    name: HeaderName,
    /// Marked sensitive: it prints as `Sensitive`.
    value: HeaderValue,
}

/// A stored key that cannot stand in a header: it holds a control or a non-ASCII character.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the stored key has characters that no header can carry")]
pub struct InvalidKey;

impl CredentialForm {
    /// Every form, for those who look for a credential in a request.
    pub const ALL: [Self; 5] = [
        Self::Bearer,
        Self::DeepLAuthKey,
        Self::XApiKey,
        Self::ApiKey,
        Self::OcpApimSubscriptionKey,
    ];

    /// The header that carries it.
    pub fn header(self) -> HeaderName {
        match self {
            Self::Bearer | Self::DeepLAuthKey => AUTHORIZATION,
            Self::XApiKey => X_API_KEY,
            Self::ApiKey => API_KEY,
            Self::OcpApimSubscriptionKey => OCP_APIM_SUBSCRIPTION_KEY,
        }
    }

    /// The word before the secret, where the header has one.
    pub fn scheme(self) -> Option<&'static str> {
        match self {
            Self::Bearer => Some("Bearer"),
            Self::DeepLAuthKey => Some("DeepL-Auth-Key"),
            Self::XApiKey | Self::ApiKey | Self::OcpApimSubscriptionKey => None,
        }
    }

    /// The header in which `key` leaves in this form.
    pub(crate) fn carry(self, key: &ProviderKey) -> Result<KeyHeader, InvalidKey> {
        let line = match self.scheme() {
            Some(scheme) => [scheme, " ", key.expose()].concat(),
            None => key.expose().to_owned(),
        };
        let line = Bytes::from_owner(Zeroizing::new(line.into_bytes()));
        let mut value = HeaderValue::from_maybe_shared(line).map_err(|_| InvalidKey)?;
        value.set_sensitive(true);
        Ok(KeyHeader {
            name: self.header(),
            value,
        })
    }
}

impl KeyHeader {
    /// Name and value, for one who writes them himself. The value is marked as sensitive.
    pub fn line(&self) -> (&HeaderName, &HeaderValue) {
        (&self.name, &self.value)
    }

    /// Puts the key into `headers`; every other credential there goes.
    pub fn set(&self, headers: &mut HeaderMap) {
        // There is none as a rule: looking through what is there beats looking up what is not.
        let is_credential = |name: &&HeaderName| CREDENTIALS.contains(name);
        while let Some(other) = headers.keys().find(is_credential).cloned() {
            headers.remove(other);
        }
        headers.insert(self.name.clone(), self.value.clone());
    }
}

/// Every header that carries a credential.
static CREDENTIALS: [HeaderName; 4] =
    [AUTHORIZATION, X_API_KEY, API_KEY, OCP_APIM_SUBSCRIPTION_KEY];

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const API_KEY: HeaderName = HeaderName::from_static("api-key");
const OCP_APIM_SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");
