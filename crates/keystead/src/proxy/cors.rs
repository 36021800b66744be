//! Cross-origin answers: which pages may call, and what they may see.
//!
//! Exact origins of the application, never `*`; a preflight carries no credential and is answered
//! from the application's list alone. CORS keeps other pages out of browsers, nothing more: what
//! a call may do is decided by its token.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// Headers of requests that official SDKs send from a page; `x-stainless-*` is allowed by
/// reflecting the names that the preflight asks for.
const ALLOWED: [&str; 18] = [
    "accept",
    "anthropic-beta",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "api-key",
    "authorization",
    "content-type",
    "dpop",
    "idempotency-key",
    "ocp-apim-subscription-key",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "x-api-key",
    "x-client-request-id",
    "x-ms-client-request-id",
    "x-ms-useragent",
    "user-agent",
];

/// Families of such headers.
const ALLOWED_FAMILIES: [&str; 3] = ["x-stainless-", "anthropic-", "openai-"];

/// Headers of answers that a page may read.
const EXPOSED: &str = "x-keystead-request-id, x-keystead-source, x-keystead-error, \
    x-keystead-key-source, x-request-id, request-id, apim-request-id, x-ms-client-request-id, \
    x-trace-id, www-authenticate, retry-after, retry-after-ms, x-should-retry, openai-processing-ms, \
    openai-version, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, \
    x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, \
    x-ratelimit-reset-tokens, anthropic-ratelimit-requests-limit, \
    anthropic-ratelimit-requests-remaining, anthropic-ratelimit-requests-reset, \
    anthropic-ratelimit-tokens-limit, anthropic-ratelimit-tokens-remaining, \
    anthropic-ratelimit-tokens-reset, anthropic-ratelimit-input-tokens-limit, \
    anthropic-ratelimit-input-tokens-remaining, anthropic-ratelimit-input-tokens-reset, \
    anthropic-ratelimit-output-tokens-limit, anthropic-ratelimit-output-tokens-remaining, \
    anthropic-ratelimit-output-tokens-reset, finish-reason, seed, operation-location, \
    content-disposition";

/// How long a browser may remember a preflight, in seconds. Short: an origin that was taken off
/// the list is refused by the call itself in any case.
const MAX_AGE: &str = "600";

/// A page's origin that its application lists.
#[derive(Clone, Debug)]
pub(super) struct AllowedOrigin(HeaderValue);

impl AllowedOrigin {
    /// `origin` if the list has it to the letter. `null` is nobody: every sandboxed frame says it.
    #[must_use]
    pub(super) fn find(origin: &HeaderValue, listed: &[String]) -> Option<Self> {
        let text = origin.to_str().ok().filter(|text| *text != "null")?;
        listed
            .iter()
            .any(|known| known == text)
            .then(|| Self(origin.clone()))
    }

    /// Lets the page read the answer.
    pub(super) fn allow(&self, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0.clone());
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED),
        );
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }

    /// The answer to a preflight.
    pub(super) fn preflight<B: Default>(&self, asked: &HeaderMap) -> Response<B> {
        let mut answer = Response::new(B::default());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        let headers = answer.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0.clone());
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"),
        );
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed(asked));
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static(MAX_AGE),
        );
        headers.insert(
            header::VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Headers"),
        );
        answer
    }
}

/// Our list, and of the families those names that the browser asked for.
fn allowed(asked: &HeaderMap) -> HeaderValue {
    let mut names: Vec<String> = ALLOWED.iter().map(|&name| name.to_owned()).collect();
    let requested = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    for name in requested
        .and_then(|list| list.to_str().ok())
        .unwrap_or_default()
        .split(',')
    {
        let Ok(name) = name.trim().parse::<HeaderName>() else {
            continue;
        };
        let name = name.as_str();
        if ALLOWED_FAMILIES
            .iter()
            .any(|family| name.starts_with(family))
            && names.len() < 64
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    names.dedup();
    HeaderValue::try_from(names.join(", ")).expect("header names are header text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listed_origin_is_allowed_and_null_never() {
        let listed = ["https://app.example".to_owned(), "null".to_owned()];
        for (origin, expected) in [
            ("https://app.example", true),
            ("https://app.example.evil", false),
            ("http://app.example", false),
            ("null", false),
        ] {
            let found = AllowedOrigin::find(&HeaderValue::from_static(origin), &listed);
            assert_eq!(found.is_some(), expected, "{origin}");
        }
    }

    #[test]
    fn a_preflight_reflects_sdk_families_and_nothing_else() {
        let mut asked = HeaderMap::new();
        let names = "x-stainless-os, X-Stainless-Lang, x-evil, cookie";
        asked.insert(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            HeaderValue::from_static(names),
        );
        let answer: Response<()> =
            AllowedOrigin(HeaderValue::from_static("https://a.example")).preflight(&asked);
        let allowed = answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS]
            .to_str()
            .unwrap();
        assert!(allowed.contains("x-stainless-os") && allowed.contains("x-stainless-lang"));
        assert!(!allowed.contains("evil") && !allowed.contains("cookie"));
    }
}
