//! Stage 1: parse. Request in, [`Call`] or a refusal out; pure.
//!
//! Everything ambiguous is refused here, once, so that no later stage and no provider can read a
//! request differently from how it was judged.

use std::ops::Range;

use http::{HeaderMap, Method, Uri, header, request::Parts};
use memchr::memchr;

use super::{
    credential::{Credential, PLACES},
    hosts::Hosts,
    plane::Client,
    refusal::Refusal,
};
use crate::ids::{ClientId, Handle};

/// One parsed request to `/proxy/{client_id}/{handle}/{provider's own path}`, or what a request for a
/// task has become.
pub(super) struct Call {
    /// Method, headers and the rest as they came; nothing of it goes on unchecked.
    pub parts: Box<Parts>,
    /// The application the address names.
    pub client_id: ClientId,
    /// The AddOn the address names.
    handle: Range<usize>,
    /// Where the client is, as far as it can be known.
    pub client: Client,
    path: Path,
}

/// Its headers hold a token, and its address may hold anything.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call(..)")
    }
}

/// The provider's own path, normalised once; what is matched is what is sent.
#[derive(Debug)]
enum Path {
    /// The address already was in its normal form: a part of the URI.
    Within(Range<usize>),
    /// Percent-encoded characters were decoded.
    Decoded(String),
    /// The address was that of a task, and this is the call that the task became.
    OfTask(&'static str),
}

/// What every proxied path begins with.
pub(super) const PREFIX: &str = "/proxy/";

/// What every task's path begins with.
pub(super) const TASK_PREFIX: &str = "/run/";

/// Query parameters in which somebody may think to put a credential. Addresses end up in
/// histories and logs, so a call that does is refused before it teaches the habit.
const CREDENTIAL_PARAMETERS: [&str; 8] = [
    "key",
    "api_key",
    "api-key",
    "apikey",
    "access_token",
    "subscription-key",
    "auth_key",
    "token",
];

impl Call {
    /// Parses the head of a request.
    ///
    /// # Errors
    ///
    /// A refusal for whatever is malformed, ambiguous or meant for another host.
    pub(super) fn parse(parts: Box<Parts>, client: Client, hosts: &Hosts) -> Result<Self, Refusal> {
        check_method(&parts.method)?;
        check_head(&parts, hosts)?;
        let (client_id, handle) = split(parts.uri.path(), PREFIX)?;
        if handle.end == parts.uri.path().len() {
            return Err(Refusal::NotFound);
        }
        let path = normalise(parts.uri.path(), handle.end)?;
        Ok(Self {
            client_id,
            handle,
            path,
            client,
            parts,
        })
    }

    /// Parses the head of a request to `/run/{client_id}/{handle}`. It is not yet a call that a
    /// provider knows: see [`becomes`](Self::becomes).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(super) fn parse_task(
        parts: Box<Parts>,
        client: Client,
        hosts: &Hosts,
    ) -> Result<Self, Refusal> {
        if parts.method != Method::GET && parts.method != Method::POST {
            return Err(Refusal::MethodNotAllowed);
        }
        check_head(&parts, hosts)?;
        let (client_id, handle) = split(parts.uri.path(), TASK_PREFIX)?;
        if handle.end != parts.uri.path().len() {
            return Err(Refusal::NotFound);
        }
        Ok(Self {
            client_id,
            handle,
            path: Path::OfTask("/"),
            client,
            parts,
        })
    }

    /// The call that a task becomes, in the place of the request for it: a POST to the provider's
    /// own `path` with these headers and none of the client's but those by which the
    /// call is judged: the page's origin and the credential.
    ///
    /// # Errors
    ///
    /// [`Refusal::Internal`] for a query that can't stand in an address.
    pub(super) fn becomes(
        mut self,
        path: &'static str,
        query: Option<&str>,
        mut headers: HeaderMap,
    ) -> Result<Self, Refusal> {
        for name in [&header::ORIGIN].into_iter().chain(&PLACES) {
            if let Some(value) = self.parts.headers.remove(name) {
                headers.insert(name, value);
            }
        }
        let own = self.parts.uri.path();
        let address = match query {
            Some(query) => format!("{own}?{query}"),
            None => own.to_owned(),
        };
        self.parts.uri = address.parse().map_err(|_| Refusal::Internal)?;
        self.parts.method = Method::POST;
        self.parts.headers = headers;
        self.path = Path::OfTask(path);
        Ok(self)
    }

    /// The AddOn the address names; the text of a [`Handle`].
    #[must_use]
    pub(super) fn handle(&self) -> &str {
        &self.parts.uri.path()[self.handle.clone()]
    }

    /// The provider's own path, beginning with `/`.
    #[must_use]
    pub(super) fn path(&self) -> &str {
        match &self.path {
            Path::Within(range) => &self.parts.uri.path()[range.clone()],
            Path::Decoded(path) => path,
            Path::OfTask(path) => path,
        }
    }

    /// The query as it came, without the `?`.
    #[must_use]
    pub(super) fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    /// The credential of the call.
    ///
    /// # Errors
    ///
    /// As [`Credential::find`].
    pub(super) fn credential(&self) -> Result<Option<Credential<'_>>, Refusal> {
        Credential::find(&self.parts.headers)
    }

    /// The browser page that asks, if one does.
    #[must_use]
    pub(super) fn origin(&self) -> Option<&str> {
        self.parts
            .headers
            .get(header::ORIGIN)
            .map(|origin| origin.to_str().unwrap_or("null"))
    }
}

fn check_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::GET | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Ok(()),
        _ => Err(Refusal::MethodNotAllowed),
    }
}

fn check_head(parts: &Parts, hosts: &Hosts) -> Result<(), Refusal> {
    check_target(&parts.uri, &parts.headers, hosts)?;
    check_framing(&parts.headers)?;
    parts.uri.query().map_or(Ok(()), check_query)
}

fn check_target(uri: &Uri, headers: &HeaderMap, hosts: &Hosts) -> Result<(), Refusal> {
    let host = match (
        uri.authority(),
        headers.get_all(header::HOST).iter().count(),
    ) {
        // HTTP/2 says it in the pseudo-header; HTTP/1.1's absolute form is for forward proxies.
        (Some(authority), 0) => authority.as_str(),
        (None, 1) => headers[header::HOST]
            .to_str()
            .map_err(|_| Refusal::Misdirected)?,
        (Some(_), _) => return Err(Refusal::malformed("the request target is in absolute form")),
        (None, _) => return Err(Refusal::malformed("exactly one Host header is needed")),
    };
    if host.contains('@') {
        return Err(Refusal::malformed("the host carries user information"));
    }
    if hosts.knows(host) {
        Ok(())
    } else {
        Err(Refusal::Misdirected)
    }
}

/// What hyper leaves for us to refuse; it answers the other smuggling shapes with 400 by itself.
fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refusal::UnsupportedMediaType);
    }
    if headers.contains_key(header::UPGRADE) {
        return Err(Refusal::malformed("protocol upgrades are not offered"));
    }
    if headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .nth(1)
        .is_some()
    {
        return Err(Refusal::malformed("content-type was sent twice"));
    }
    // hyper reads `chunked, chunked` as one layer; a server in front may read two.
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if encodings
        .next()
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked"))
        || encodings.next().is_some()
    {
        return Err(Refusal::malformed(
            "transfer-encoding must be chunked, once",
        ));
    }
    Ok(())
}

fn check_query(query: &str) -> Result<(), Refusal> {
    if query.bytes().any(|byte| byte <= b' ' || byte >= 0x7f) {
        return Err(Refusal::malformed(
            "the query holds characters that must be encoded",
        ));
    }
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if CREDENTIAL_PARAMETERS
            .iter()
            .any(|forbidden| name.eq_ignore_ascii_case(forbidden))
        {
            return Err(Refusal::CredentialInQuery);
        }
    }
    Ok(())
}

/// `/proxy/{client_id}/{handle}` and what comes behind it into its parts; gives where the handle
/// stands. What is not even an id is answered like one that nobody has.
fn split(path: &str, prefix: &str) -> Result<(ClientId, Range<usize>), Refusal> {
    let rest = path.strip_prefix(prefix).ok_or(Refusal::NotFound)?;
    let (client_id, rest) = rest.split_at(segment(rest));
    let rest = rest.strip_prefix('/').ok_or(Refusal::NotFound)?;
    let handle = &rest[..segment(rest)];
    let client_id = client_id.parse().map_err(|_| Refusal::Unauthenticated)?;
    if !Handle::is_valid(handle) {
        return Err(Refusal::Unauthenticated);
    }
    let start = path.len() - rest.len();
    Ok((client_id, start..start + handle.len()))
}

/// How long the first segment is.
fn segment(path: &str) -> usize {
    memchr(b'/', path.as_bytes()).unwrap_or(path.len())
}

/// The application that an address names, before anything else of the request is looked at.
#[must_use]
pub(super) fn client_id(path: &str) -> Option<ClientId> {
    let mut prefixes = [PREFIX, TASK_PREFIX].into_iter();
    let rest = prefixes.find_map(|prefix| path.strip_prefix(prefix))?;
    rest.split('/').next()?.parse().ok()
}

/// Decodes what is percent-encoded, once, and refuses what would be read in two ways.
fn normalise(whole: &str, start: usize) -> Result<Path, Refusal> {
    let path = &whole[start..];
    let decoded = if memchr(b'%', path.as_bytes()).is_some() {
        Some(decode(path)?)
    } else {
        None
    };
    check_path(decoded.as_deref().unwrap_or(path).as_bytes()).map_err(Refusal::malformed)?;
    Ok(decoded.map_or(Path::Within(start..whole.len()), Path::Decoded))
}

/// Refuses what a provider could read otherwise than we do. One pass, since every call pays it.
fn check_path(path: &[u8]) -> Result<(), &'static str> {
    let mut segment = 1;
    for (at, byte) in path.iter().enumerate().skip(1) {
        match *byte {
            b'/' if at == segment => return Err("the path holds an empty segment"),
            b'/' => {
                check_segment(&path[segment..at])?;
                segment = at + 1;
            }
            b'\\' => return Err("the path holds a backslash"),
            b'%' => return Err("the path is encoded twice"),
            byte if is_path_byte(byte) => {}
            _ => return Err("the path holds a character that no provider uses"),
        }
    }
    check_segment(&path[segment..])
}

fn check_segment(segment: &[u8]) -> Result<(), &'static str> {
    match segment {
        b"." | b".." => Err("the path holds a dot segment"),
        _ => Ok(()),
    }
}

fn decode(path: &str) -> Result<String, Refusal> {
    let bytes: Vec<u8> = percent_encoding::percent_decode_str(path).collect();
    // An encoded separator or dot segment would be one thing to us and another to the provider.
    let slashes = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
    if slashes(&bytes) != slashes(path.as_bytes()) {
        return Err(Refusal::malformed("the path holds an encoded slash"));
    }
    String::from_utf8(bytes).map_err(|_| Refusal::malformed("the path is not text"))
}

/// RFC 3986 `pchar` without its escapes.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

#[cfg(test)]
mod tests;
