//! The head of a request, in the bytes that go out.

use http::{HeaderName, HeaderValue, Method};

use crate::net::wiped::Wiped;

/// The head of a request. It holds a key, so it is wiped when it was sent or is dropped, and leaves
/// no copy behind when it grows.
pub struct RequestHead {
    pub(super) bytes: Wiped,
    /// Whether a server waits for a body unless it is told that there is none.
    pub(super) announces_no_body: bool,
}

/// The target holds what would end it, or the line.
#[derive(Debug, thiserror::Error)]
#[error("the target can't stand in a request")]
pub struct MalformedTarget;

impl RequestHead {
    /// A head for `method` and the target, in origin form, that the parts make.
    ///
    /// # Errors
    ///
    /// [`MalformedTarget`]: callers have checked it, and this is where it would do harm.
    pub fn new(method: &Method, target: &[&str]) -> Result<Self, MalformedTarget> {
        let is_visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let is_target = target.iter().all(|part| part.bytes().all(is_visible));
        let begins = target.iter().find(|part| !part.is_empty());
        if !is_target || !begins.is_some_and(|part| part.starts_with('/')) {
            return Err(MalformedTarget);
        }
        let mut bytes = Wiped::with_capacity(1_024);
        bytes.push(method.as_str().as_bytes());
        bytes.push(b" ");
        for part in target {
            bytes.push(part.as_bytes());
        }
        bytes.push(b" HTTP/1.1\r\n");
        Ok(Self {
            bytes,
            announces_no_body: matches!(*method, Method::POST | Method::PUT | Method::PATCH),
        })
    }

    /// Adds a header. Names and values are such by their type: neither can end a line. Those that say
    /// where the body ends are added by the one who sends it.
    pub fn add(&mut self, name: &HeaderName, value: &HeaderValue) {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        let bytes = self.bytes.with_room_for(name.len() + value.len() + 4);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }
}

impl std::fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestHead(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_what_was_put_in() {
        let mut head = RequestHead::new(&Method::POST, &["", "/v1/chat", "?x=1"]).unwrap();
        head.add(&http::header::HOST, &HeaderValue::from_static("a.example"));
        let long = HeaderValue::from_bytes(&[b'x'; 4_000]).unwrap();
        head.add(&http::header::ACCEPT, &long);
        let text = String::from_utf8(head.bytes.as_slice().to_vec()).unwrap();
        let begin = "POST /v1/chat?x=1 HTTP/1.1\r\nhost: a.example\r\naccept: xxx";
        assert!(
            text.starts_with(begin) && text.ends_with("xxx\r\n"),
            "{text}"
        );
    }

    #[test]
    fn a_target_can_not_end_its_line() {
        for target in [
            "/a b",
            "/a\r\nx: y",
            "/a\0",
            "/ä",
            "/a#b",
            "a",
            "",
            "http://x/",
        ] {
            assert!(
                RequestHead::new(&Method::GET, &[target]).is_err(),
                "{target:?}"
            );
            assert!(
                RequestHead::new(&Method::GET, &["", target]).is_err(),
                "{target:?}"
            );
        }
        assert!(RequestHead::new(&Method::GET, &["/a", " "]).is_err());
    }

    #[test]
    fn a_head_prints_nothing_of_itself() {
        let mut head = RequestHead::new(&Method::GET, &["/secret"]).unwrap();
        head.add(
            &http::header::AUTHORIZATION,
            &HeaderValue::from_static("secret"),
        );
        assert_eq!(format!("{head:?}"), "RequestHead(..)");
    }
}
