//! The head of an answer, and where the answer ends (RFC 9112, sections 4 to 6).

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use keystead_providers::HeaderList;

use super::{ExchangeError, chunked::Chunked};

/// The most header lines of an answer.
const MOST_HEADERS: usize = 100;

/// Room for the headers that the answer to the client has besides: a map that grows is made anew.
const ADDED_HEADERS: usize = 8;

/// The head of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// HTTP/1.0 and HTTP/1.1 in one digit.
    minor: u8,
}

/// What a look for a head has found.
pub(super) enum Parsed {
    Head(ResponseHead),
    /// Its end is yet to come.
    Partly,
}

/// What is to come of an answer's body.
#[derive(Debug)]
pub(super) enum Remaining {
    /// So many bytes.
    Length(u64),
    Chunked(Chunked),
    /// All that comes until the connection is closed.
    UntilClose,
}

/// Takes a head out of `unread`, if it has come whole. Names that are `known` need not be copied.
///
/// # Errors
///
/// [`ExchangeError::Malformed`].
pub(super) fn parse(
    unread: &mut Bytes,
    known: Option<&HeaderList>,
) -> Result<Parsed, ExchangeError> {
    let mut lines = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let found = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        unread,
        &mut lines,
    );
    let length = match found {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partly),
        Err(_) => return Err(ExchangeError::Malformed("its head is none")),
    };
    let malformed = || ExchangeError::Malformed("its head is none");
    let mut headers = HeaderMap::with_capacity(parsed.headers.len() + ADDED_HEADERS);
    for line in &*parsed.headers {
        let name = match known.and_then(|known| known.find(line.name)) {
            Some(name) => name.clone(),
            None => HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| malformed())?,
        };
        let value = unread.slice_ref(line.value);
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| malformed())?;
        headers.append(name, value);
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let head = ResponseHead {
        status: status.ok_or_else(malformed)?,
        headers,
        minor: parsed.version.ok_or_else(malformed)?,
    };
    unread.advance(length);
    Ok(Parsed::Head(head))
}

impl ResponseHead {
    /// Whether another head will follow. One that switches protocols is the last that is HTTP.
    pub(super) fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// Whether the connection may be used again.
    pub(super) fn persists(&self) -> bool {
        let mut tokens = self
            .headers
            .get_all(header::CONNECTION)
            .iter()
            .flat_map(|line| {
                let tokens = line.as_bytes().split(|byte| *byte == b',');
                tokens.map(<[u8]>::trim_ascii)
            });
        self.minor == 1
            && self.status != StatusCode::SWITCHING_PROTOCOLS
            && !tokens.any(|token| token.eq_ignore_ascii_case(b"close"))
    }

    /// Where the body ends. Asked for answers to requests that may have one: HEAD is never carried.
    ///
    /// # Errors
    ///
    /// [`ExchangeError::Malformed`] where that could be read in two ways.
    pub(super) fn remaining(&self) -> Result<Remaining, ExchangeError> {
        let malformed = ExchangeError::Malformed;
        let mut lengths = self.headers.get_all(header::CONTENT_LENGTH).iter();
        let mut codings = self.headers.get_all(header::TRANSFER_ENCODING).iter();
        let (length, coding) = (lengths.next(), codings.next());
        if lengths.next().is_some() {
            return Err(malformed("it has two lengths"));
        }
        let length = length.map(content_length).transpose()?;
        let remaining = match (length, coding) {
            (Some(_), Some(_)) => return Err(malformed("it has a length and a transfer coding")),
            (None, Some(coding)) => {
                let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
                if !is_chunked || codings.next().is_some() || self.minor == 0 {
                    return Err(malformed("its transfer coding is not chunked"));
                }
                Remaining::Chunked(Chunked::new())
            }
            (Some(length), None) => Remaining::Length(length),
            (None, None) => Remaining::UntilClose,
        };
        Ok(match self.status {
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => {
                Remaining::Length(0)
            }
            _ => remaining,
        })
    }
}

fn content_length(value: &HeaderValue) -> Result<u64, ExchangeError> {
    let text = value.to_str().ok();
    // A number may begin with `+` elsewhere.
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(ExchangeError::Malformed("its length is no number"))
}

impl Remaining {
    /// Takes what has come of the body out of `unread`.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub(super) fn take(&mut self, unread: &mut Bytes) -> Result<Bytes, &'static str> {
        match self {
            Self::Length(left) => {
                let there = unread
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= there as u64;
                Ok(unread.split_to(there))
            }
            Self::Chunked(chunked) => chunked.take(unread),
            Self::UntilClose => Ok(std::mem::take(unread)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_over(),
            Self::UntilClose => false,
        }
    }

    pub(super) fn ends_with_the_connection(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(lines: &str) -> Result<ResponseHead, ExchangeError> {
        let mut unread = Bytes::from(format!("HTTP/1.1 {lines}\r\n\r\nbody"));
        match parse(&mut unread, None)? {
            Parsed::Head(head) => {
                assert_eq!(unread, "body");
                Ok(head)
            }
            Parsed::Partly => panic!("{lines:?} is whole"),
        }
    }

    fn ends(lines: &str) -> String {
        match head(lines).and_then(|head| head.remaining()) {
            Ok(Remaining::Length(length)) => length.to_string(),
            Ok(Remaining::Chunked(_)) => "chunked".to_owned(),
            Ok(Remaining::UntilClose) => "close".to_owned(),
            Err(_) => "refused".to_owned(),
        }
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        for (lines, end) in [
            ("200 OK\r\ncontent-length: 5", "5"),
            ("200\r\nContent-Length:5", "5"),
            ("200 OK\r\ntransfer-encoding: Chunked", "chunked"),
            ("200 OK\r\nx: y", "close"),
            ("204 No Content", "0"),
            ("304 Not Modified\r\ncontent-length: 5", "0"),
            ("101 Switching Protocols", "0"),
            (
                "500 Oops\r\ncontent-length: 18446744073709551615",
                "18446744073709551615",
            ),
        ] {
            assert_eq!(ends(lines), end, "{lines:?}");
        }
    }

    #[test]
    fn an_answer_with_two_ends_is_refused() {
        for lines in [
            "200 OK\r\ncontent-length: 5\r\ncontent-length: 5",
            "200 OK\r\ncontent-length: 5\r\ncontent-length: 6",
            "200 OK\r\ncontent-length: 5, 5",
            "200 OK\r\ncontent-length: +5",
            "200 OK\r\ncontent-length: -5",
            "200 OK\r\ncontent-length: 0x5",
            "200 OK\r\ncontent-length: 5 5",
            "200 OK\r\ncontent-length: 18446744073709551616",
            "200 OK\r\ncontent-length: ",
            "200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
            "204 No Content\r\ncontent-length: 5\r\ntransfer-encoding: chunked",
            "200 OK\r\ntransfer-encoding: gzip, chunked",
            "200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity",
            "200 OK\r\ntransfer-encoding: identity",
            "200 OK\r\ntransfer-encoding:\x0bchunked",
        ] {
            assert_eq!(ends(lines), "refused", "{lines:?}");
        }
    }

    #[test]
    fn a_head_that_is_none_is_refused() {
        let long = format!("200 OK{}", "\r\nx: y".repeat(MOST_HEADERS + 1));
        for lines in [
            "",
            "20 OK",
            "2000 OK",
            "abc OK",
            "200 OK\r\n x: y",
            "200 OK\r\nx: y\r\n folded",
            "200 OK\r\nx : y",
            "200 OK\r\n: y",
            "200 OK\r\nx",
            "200 OK\r\nx: \0",
            "200 OK\r\nx\0: y",
            "099 Less",
            &long,
        ] {
            assert!(head(lines).is_err(), "{lines:?}");
        }
        for whole in [
            "HTTP/2 200 OK\r\n\r\n",
            "ICY 200 OK\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert!(parse(&mut Bytes::from(whole), None).is_err(), "{whole:?}");
        }
    }

    #[test]
    fn a_connection_is_kept_unless_somebody_says_otherwise() {
        for (lines, persists) in [
            ("200 OK", true),
            ("200 OK\r\nconnection: keep-alive", true),
            ("200 OK\r\nconnection: x, Close", false),
            ("200 OK\r\nconnection: x\r\nconnection: close", false),
            ("101 Switching Protocols", false),
        ] {
            assert_eq!(head(lines).unwrap().persists(), persists, "{lines:?}");
        }
        let mut old = Bytes::from("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n\r\n");
        let Ok(Parsed::Head(old)) = parse(&mut old, None) else {
            panic!("a head of HTTP/1.0 is one");
        };
        assert!(!old.persists());
    }

    proptest! {
        /// Whatever comes, it is a head once it has come whole and not before, and then it ends in one
        /// place or is refused.
        #[test]
        fn a_head_is_none_before_its_end(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "200 OK", "content-length: 5", "Content-Length: 05", "transfer-encoding: chunked",
                    "connection: close", "x: \u{e9}\t y", "x:", "", " x", "HTTP/1.1 200", "\0", "204",
                ]),
                0..6,
            ),
            noise in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let text = [format!("HTTP/1.1 {}\r\n", lines.join("\r\n")).as_bytes(), &noise, b"\r\n\r\n"].concat();
            let whole = Bytes::from(text);
            let mut unread = whole.clone();
            if let Ok(Parsed::Head(head)) = parse(&mut unread, None) {
                prop_assert!(head.remaining().is_err() || !head.headers.contains_key("content-length")
                    || !head.headers.contains_key("transfer-encoding"));
                let length = whole.len() - unread.len();
                for cut in 0..length {
                    let mut part = whole.slice(..cut);
                    prop_assert!(!matches!(parse(&mut part, None), Ok(Parsed::Head(_))));
                    prop_assert_eq!(part.len(), cut);
                }
            }
        }
    }
}
