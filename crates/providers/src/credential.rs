//! The forms in which SDKs send the credential, and which of them each provider takes.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use keystead_vault::ProviderKey;

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
            Self::XApiKey => HeaderName::from_static("x-api-key"),
            Self::ApiKey => HeaderName::from_static("api-key"),
            Self::OcpApimSubscriptionKey => HeaderName::from_static("ocp-apim-subscription-key"),
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

    /// Puts `key` into `headers` in this form; every other credential there goes.
    pub(crate) fn set(self, key: &ProviderKey, headers: &mut HeaderMap) -> Result<(), InvalidKey> {
        let mut value = match self.scheme() {
            Some(scheme) => {
                let line = zeroize::Zeroizing::new([scheme, " ", key.expose()].concat());
                HeaderValue::from_str(&line)
            }
            None => HeaderValue::from_str(key.expose()),
        }
        .map_err(|_| InvalidKey)?;
        value.set_sensitive(true);
        for form in Self::ALL {
            headers.remove(form.header());
        }
        headers.insert(self.header(), value);
        Ok(())
    }
}
