//! The cookie that a session's token lies in, and what proves that a request is a page's of ours.

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::config::BaseUrl;

/// What the cookie is called: browsers send one of the first name over TLS alone, and only to the
/// host that set it. On loopback there is no TLS, and not every browser makes an exception for it.
pub fn cookie_name(console: &BaseUrl) -> &'static str {
    match console.is_https() {
        true => "__Host-keystead",
        false => "keystead",
    }
}

/// The value of a cookie among the `Cookie` lines of a request; one that is there twice is none.
pub fn cookie_value<'a>(lines: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let pairs = lines.flat_map(|line| line.split(';'));
    let mut found = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// What the forms of a session carry: only who knows the session's token can make it.
pub fn csrf(token: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"keystead/csrf/v1");
    context.update(token.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// Whether `sent` is what the forms of this session carry, in constant time.
pub fn csrf_fits(csrf: &str, sent: &str) -> bool {
    verify_slices_are_equal(csrf.as_bytes(), sent.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_is_there_twice_is_none() {
        let found = |lines: &[&'static str]| cookie_value(lines.iter().copied(), "keystead");
        assert_eq!(found(&["a=b; keystead=x"]), Some("x"));
        assert_eq!(found(&["a=b", "keystead=x"]), Some("x"));
        assert_eq!(found(&["keystead=x; keystead=y"]), None);
        assert_eq!(found(&["keystead=x", "keystead=y"]), None);
        assert_eq!(found(&["keysteads=x; a=keystead=y"]), None);
    }

    #[test]
    fn what_a_form_carries_belongs_to_its_session() {
        let own = csrf("kss1_a");
        assert!(csrf_fits(&own, &csrf("kss1_a")));
        for other in ["", &csrf("kss1_b"), "kss1_a"] {
            assert!(!csrf_fits(&own, other));
        }
    }
}
