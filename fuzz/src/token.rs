//! The token parser, and its twin that allocates nothing.

use keystead_vault::{Token, TokenKind, token_hash};

/// Both readers say the same of `data`, and what they should.
pub fn both_readers_agree(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    agree(text);
    // Chance does not meet a checksum: make it fit, so that what stands before it decides.
    if text.len() == 57 && text.is_ascii() {
        agree(&format!(
            "{}{:08x}",
            &text[..49],
            crc32fast::hash(&text.as_bytes()[..49])
        ));
    }
}

/// Tokens of each kind, to begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        TokenKind::Access,
        TokenKind::Refresh,
        TokenKind::Api,
        TokenKind::ClientSecret,
        TokenKind::Session,
        TokenKind::Link,
    ]
    .into_iter()
    .map(|kind| Token::generate(kind).expose().as_bytes().to_vec())
    .collect()
}

fn agree(text: &str) {
    let parsed = Token::parse(text).ok();
    assert_eq!(parsed.is_some(), is_token(text.as_bytes()));
    assert_eq!(
        token_hash(text),
        parsed.as_ref().map(|token| (token.kind(), token.lookup()))
    );
    if let Some(token) = parsed {
        assert_eq!(token.expose(), text);
        assert!(text.starts_with(token.kind().prefix()));
    }
}

/// SPEC.md, part 7, said a second time and in the plainest way.
fn is_token(bytes: &[u8]) -> bool {
    let value = |byte: u8| ALPHABET.iter().position(|&letter| letter == byte);
    bytes.len() == 57
        && [
            &b"kst1_"[..],
            b"ksr1_",
            b"ksa1_",
            b"ksc1_",
            b"kss1_",
            b"ksl1_",
        ]
        .contains(&&bytes[..5])
        && bytes[5..48].iter().all(|&byte| value(byte).is_some())
        && value(bytes[47]).is_some_and(|last| last.is_multiple_of(4))
        && bytes[48] == b'_'
        && bytes[49..] == *format!("{:08x}", crc32fast::hash(&bytes[..49])).as_bytes()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
