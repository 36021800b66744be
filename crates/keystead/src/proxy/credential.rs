//! Where a client's SDK puts its key, and so where our token arrives.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use keystead_providers::CredentialForm;
use memchr::memchr;

use super::refusal::Refusal;

/// The token as the client sent it, borrowed from its header.
#[derive(Clone, Copy)]
pub(super) struct Credential<'a> {
    /// The header it came in; decides the envelope of refusals and, for Anthropic, the header of
    /// the key.
    pub form: CredentialForm,
    token: &'a str,
    /// Whether it says of itself that a proof comes with it (RFC 9449).
    is_proved: bool,
}

impl<'a> Credential<'a> {
    /// The one credential of a request; `None` if there is none that has the form of one.
    ///
    /// # Errors
    ///
    /// [`Refusal::DuplicateCredential`] when a header comes twice or two headers disagree: which
    /// of them counted would be a guess, and another reader could guess differently.
    pub(super) fn find(headers: &'a HeaderMap) -> Result<Option<Self>, Refusal> {
        let mut found: Option<Self> = None;
        for name in &PLACES {
            let mut values = headers.get_all(name).iter();
            let Some(value) = values.next() else { continue };
            if values.next().is_some() {
                return Err(Refusal::DuplicateCredential);
            }
            let Some(credential) = Self::read(name, value) else {
                continue;
            };
            match found {
                Some(first) if first.token != credential.token => {
                    return Err(Refusal::DuplicateCredential);
                }
                Some(_) => {}
                None => found = Some(credential),
            }
        }
        Ok(found)
    }

    /// The form that refusals take when no credential was found: OpenAI's, unless a header was
    /// there and only its content was wrong.
    #[must_use]
    pub(super) fn form_of(headers: &'a HeaderMap) -> CredentialForm {
        let read = |name: &HeaderName| Self::read(name, headers.get(name)?);
        PLACES
            .iter()
            .find_map(read)
            .map_or(CredentialForm::Bearer, |found| found.form)
    }

    /// The token's text, for its hash alone.
    #[must_use]
    pub(super) fn token(&self) -> &'a str {
        self.token
    }

    /// Whether it says of itself that a proof of possession comes with it.
    #[must_use]
    pub(super) fn is_proved(&self) -> bool {
        self.is_proved
    }

    fn read(name: &HeaderName, value: &'a HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        if name == X_API_KEY {
            return Some(Self {
                form: CredentialForm::XApiKey,
                token: text,
                is_proved: false,
            });
        }
        if name == API_KEY {
            return Some(Self {
                form: CredentialForm::ApiKey,
                token: text,
                is_proved: false,
            });
        }
        if name == OCP_APIM_SUBSCRIPTION_KEY {
            return Some(Self {
                form: CredentialForm::OcpApimSubscriptionKey,
                token: text,
                is_proved: false,
            });
        }
        let space = memchr(b' ', text.as_bytes())?;
        let (scheme, token) = (&text[..space], &text[space + 1..]);
        let is_proved = scheme.eq_ignore_ascii_case("dpop");
        let form = if is_proved || scheme.eq_ignore_ascii_case("bearer") {
            CredentialForm::Bearer
        } else if scheme.eq_ignore_ascii_case("deepl-auth-key") {
            CredentialForm::DeepLAuthKey
        } else {
            return None;
        };
        Some(Self {
            form,
            token: token.trim_ascii(),
            is_proved,
        })
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const API_KEY: HeaderName = HeaderName::from_static("api-key");
const OCP_APIM_SUBSCRIPTION_KEY: HeaderName = HeaderName::from_static("ocp-apim-subscription-key");

/// Every header in which a provider's SDK sends a key (PROVIDERS.md, part 1).
pub(super) static PLACES: [HeaderName; 4] = [
    header::AUTHORIZATION,
    X_API_KEY,
    API_KEY,
    OCP_APIM_SUBSCRIPTION_KEY,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_token_is_found_wherever_an_sdk_puts_its_key() {
        for (name, value, form) in [
            ("authorization", "Bearer kst1_x", CredentialForm::Bearer),
            ("authorization", "bearer kst1_x", CredentialForm::Bearer),
            ("authorization", "DPoP kst1_x", CredentialForm::Bearer),
            (
                "authorization",
                "DeepL-Auth-Key kst1_x",
                CredentialForm::DeepLAuthKey,
            ),
            ("x-api-key", "kst1_x", CredentialForm::XApiKey),
            ("api-key", "kst1_x", CredentialForm::ApiKey),
            (
                "ocp-apim-subscription-key",
                "kst1_x",
                CredentialForm::OcpApimSubscriptionKey,
            ),
        ] {
            let headers = headers(&[(name, value)]);
            let found = Credential::find(&headers).unwrap().unwrap();
            assert_eq!(
                (found.token(), found.form),
                ("kst1_x", form),
                "{name}: {value}"
            );
            assert_eq!(found.is_proved(), value.starts_with("DPoP"), "{value}");
        }
    }

    #[test]
    fn one_value_in_two_headers_is_one_credential_and_two_values_are_refused() {
        let same = headers(&[("x-api-key", "kst1_x"), ("api-key", "kst1_x")]);
        assert_eq!(Credential::find(&same).unwrap().unwrap().token(), "kst1_x");
        for pairs in [
            [("x-api-key", "kst1_x"), ("api-key", "kst1_y")],
            [("authorization", "Bearer kst1_x"), ("x-api-key", "kst1_y")],
            [
                ("authorization", "Bearer kst1_x"),
                ("authorization", "Bearer kst1_x"),
            ],
        ] {
            let headers = headers(&pairs);
            let refused = Credential::find(&headers);
            assert!(
                matches!(refused, Err(Refusal::DuplicateCredential)),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn other_schemes_and_cookies_are_no_credential() {
        let other = headers(&[("authorization", "Basic a3N0MV94"), ("cookie", "kst1_x")]);
        assert!(Credential::find(&other).unwrap().is_none());
    }
}
