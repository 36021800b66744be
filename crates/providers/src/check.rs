//! How to find out whether a key works, at the least cost, and how to read the answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use keystead_vault::ProviderKey;

use crate::{About, CredentialForm, InvalidKey, KeyHeader, Meaning, verdict::ErrorBody};

/// A call that tells whether a key works.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its method.
    pub method: Method,
    /// Path and query, to be appended to the destination's prefix.
    pub path_and_query: &'static str,
    /// All of its headers but `host`; the key is among them, marked sensitive.
    pub headers: HeaderMap,
    /// Empty for a GET.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct CheckAnswer<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, or its first 64 KiB.
    pub body: &'a [u8],
}

/// What it says about the key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// The key works.
    Valid,
    /// The provider does not know it.
    Wrong,
    /// The key is good, but not for what the proxy is there for.
    NoPermission {
        /// The scopes it lacks, where the provider names them.
        missing: Vec<String>,
    },
    /// The key is good, the account behind it has nothing left to spend.
    NoCredit,
    /// The key is good, but not from this machine's address.
    AddressNotAllowed,
    /// This call left it open; make the next.
    TryNext,
    /// The provider is busy or broken, or gave an answer nobody has seen.
    Unknown,
}

impl About {
    /// The calls, cheapest first.
    pub(crate) fn checks(&self, key: &ProviderKey) -> Result<Vec<Check>, InvalidKey> {
        let checks = self.checks.iter().map(|table| {
            let (method, path_and_query) = table
                .request
                .split_once(' ')
                .unwrap_or(("GET", table.request));
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static("application/json"));
            headers.insert("user-agent", HeaderValue::from_static("keystead"));
            if !table.body.is_empty() {
                headers.insert("content-type", HeaderValue::from_static("application/json"));
            }
            for (name, value) in &table.headers {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                );
            }
            self.key_header(key, self.sends[0])?.set(&mut headers);
            Ok(Check {
                method: method.parse().unwrap_or(Method::GET),
                path_and_query,
                headers,
                body: Bytes::from_static(table.body.as_bytes()),
            })
        });
        checks.collect()
    }

    /// What the answer to the `step`th call says.
    pub(crate) fn read_check(&self, step: usize, answer: &CheckAnswer<'_>) -> CheckOutcome {
        let Some(check) = self.checks.get(step) else {
            return CheckOutcome::Unknown;
        };
        let status = answer.status.as_u16();
        let is_last = step + 1 == self.checks.len();
        if answer.status.is_success() || check.valid.contains(&status) {
            return CheckOutcome::Valid;
        }
        if !is_last && check.next.contains(&status) {
            return CheckOutcome::TryNext;
        }
        match self.judge(answer.status, answer.body, answer.headers) {
            Meaning::WrongKey => CheckOutcome::Wrong,
            Meaning::NoPermission if !is_last => CheckOutcome::TryNext,
            Meaning::NoPermission => CheckOutcome::NoPermission {
                missing: missing(answer),
            },
            Meaning::NoCredit => CheckOutcome::NoCredit,
            Meaning::AddressNotAllowed => CheckOutcome::AddressNotAllowed,
            Meaning::Retry | Meaning::Terminal | Meaning::Pass => CheckOutcome::Unknown,
        }
    }

    /// The form in which the key leaves: the client's own if this provider takes it.
    pub fn leaves_in(&self, sent_in: CredentialForm) -> CredentialForm {
        if self.sends.contains(&sent_in) {
            sent_in
        } else {
            self.sends[0]
        }
    }

    pub(crate) fn key_header(
        &self,
        key: &ProviderKey,
        sent_in: CredentialForm,
    ) -> Result<KeyHeader, InvalidKey> {
        self.leaves_in(sent_in).carry(key)
    }
}

/// OpenAI names scopes in its message: `Missing scopes: model.request.`
fn missing(answer: &CheckAnswer<'_>) -> Vec<String> {
    let body = ErrorBody::read(answer.body, answer.headers);
    let Some((_, named)) = body.text().split_once("missing scopes:") else {
        return Vec::new();
    };
    let named = named.lines().next().unwrap_or_default();
    let scope = |word: &str| {
        word.trim_matches(|c: char| !c.is_ascii_alphanumeric())
            .to_owned()
    };
    let words = named.split([',', ' ']).map(scope);
    let is_scope = |word: &String| word.contains(['.', ':']) && word.len() <= 64;
    words.filter(is_scope).take(8).collect()
}
