//! Access, refresh and API tokens, client secrets, console sessions and single-use links.
//!
//! ```text
//! kst1_ | 43 characters: base64url of 32 random bytes | _ | 8 hex digits: CRC-32 of all before it
//! ```
//!
//! base64url has `_` among its characters, so a token is cut by length and never split at `_`.
//! The checksum tells a mistyped token from an unknown one without asking the store, and lets a
//! scanner of leaked secrets be sure of what it found. Tokens are kept as hashes; a token's 256
//! random bits need no slow hash, and the hash unlocks nothing.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::random;

/// What a token is for, told by its prefix. NEVER change the prefix of a kind: tokens in use
/// would stop working, and scanners would stop seeing them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenKind {
    /// `kst1_`: what a client sends in a key's place; short-lived.
    Access,
    /// `ksr1_`: what a client gets new access tokens with.
    Refresh,
    /// `ksa1_`: what a script manages Keystead with.
    Api,
    /// `ksc1_`: what a host application authenticates with.
    ClientSecret,
    /// `kss1_`: what a browser's cookie holds while someone is signed in.
    Session,
    /// `ksl1_`: what a link or a form holds that may be used once.
    Link,
}

impl TokenKind {
    const ALL: [Self; 6] = [
        Self::Access,
        Self::Refresh,
        Self::Api,
        Self::ClientSecret,
        Self::Session,
        Self::Link,
    ];

    /// What a token of this kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "kst1_",
            Self::Refresh => "ksr1_",
            Self::Api => "ksa1_",
            Self::ClientSecret => "ksc1_",
            Self::Session => "kss1_",
            Self::Link => "ksl1_",
        }
    }
}

/// A token or client secret in plaintext: shown once, when it is made, and read from requests.
///
/// It cannot be printed, cloned, compared or serialised; the memory is wiped on drop.
pub struct Token {
    kind: TokenKind,
    text: Zeroizing<String>,
}

impl Token {
    /// A fresh random token.
    #[must_use]
    pub fn generate(kind: TokenKind) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random::fill(&mut secret[..]);
        let mut encoded = Zeroizing::new([0; SECRET_LENGTH]);
        URL_SAFE_NO_PAD
            .encode_slice(&secret[..], &mut encoded[..])
            .expect("32 bytes are 43 characters");

        // The capacity is exact, so that no growth leaves a part of the token behind.
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_LENGTH));
        text.push_str(kind.prefix());
        text.push_str(str::from_utf8(&encoded[..]).expect("base64url is ASCII"));
        text.push('_');
        let checksum = checksum(text.as_bytes());
        text.push_str(str::from_utf8(&checksum).expect("hex digits are ASCII"));
        Self { kind, text }
    }

    /// Reads a token that someone presented.
    ///
    /// # Errors
    ///
    /// [`BadToken`]: it is no token, whatever the store may hold.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        let kind = check(text)?;
        Ok(Self {
            kind,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// What the store knows it by.
    #[must_use]
    pub fn lookup(&self) -> TokenHash {
        TokenHash::of(&self.text)
    }

    /// The token itself, for the one who may have it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The kind and look-up hash of a presented token, or `None` when it is no token. The hot path's
/// [`Token::parse`]: it allocates nothing.
#[must_use]
pub fn token_hash(text: &str) -> Option<(TokenKind, TokenHash)> {
    let kind = check(text).ok()?;
    Some((kind, TokenHash::of(text)))
}

/// What the store knows a token by: SHA-256 of `keystead/lookup/v1` and the token's whole text.
///
/// Comparing it need not take constant time: how much of a hash fits tells nothing about the
/// token behind another hash.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For a store to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// One pass over one buffer: the incremental API of the hash allocates, this does not.
    fn of(text: &str) -> Self {
        let mut message = Zeroizing::new([0; LOOKUP.len() + TOKEN_LENGTH]);
        message[..LOOKUP.len()].copy_from_slice(LOOKUP);
        message[LOOKUP.len()..].copy_from_slice(text.as_bytes());
        let hash = digest(&SHA256, &message[..]);
        Self(hash.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }
}

/// A hash in a log would let its reader follow one user's requests.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// Why a text is no token. Never carries the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadToken {
    /// Cut short, or with something around it.
    #[error("token does not have 57 characters")]
    Length,
    /// Some other secret.
    #[error("token does not begin with a known prefix")]
    Prefix,
    /// Not base64url of 32 bytes, or no `_` before the checksum.
    #[error("token has characters that no token has")]
    Encoding,
    /// Mistyped.
    #[error("token does not fit its checksum")]
    Checksum,
}

/// Everything a text must be to be a token, in the order of [`BadToken`].
fn check(text: &str) -> Result<TokenKind, BadToken> {
    let bytes: &[u8; TOKEN_LENGTH] = text.as_bytes().try_into().map_err(|_| BadToken::Length)?;
    let kind = TokenKind::ALL
        .into_iter()
        .find(|kind| bytes.starts_with(kind.prefix().as_bytes()))
        .ok_or(BadToken::Prefix)?;

    // Decoded to be sure that it is base64url of 32 bytes in the one canonical spelling.
    let mut secret = Zeroizing::new([0; 32]);
    URL_SAFE_NO_PAD
        .decode_slice(
            &bytes[PREFIX_LENGTH..PREFIX_LENGTH + SECRET_LENGTH],
            &mut secret[..],
        )
        .map_err(|_| BadToken::Encoding)?;
    let (checked, given) = bytes.split_at(TOKEN_LENGTH - CHECKSUM_LENGTH);
    if checked.last() != Some(&b'_') {
        return Err(BadToken::Encoding);
    }
    if checksum(checked) != given {
        return Err(BadToken::Checksum);
    }
    Ok(kind)
}

/// CRC-32 as eight lower-case hex digits.
fn checksum(text: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut digits = [0; CHECKSUM_LENGTH];
    let mut rest = crc32fast::hash(text);
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(rest % 16) as usize];
        rest /= 16;
    }
    digits
}

const LOOKUP: &[u8] = b"keystead/lookup/v1";
const PREFIX_LENGTH: usize = 5;
const SECRET_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 8;
const TOKEN_LENGTH: usize = PREFIX_LENGTH + SECRET_LENGTH + 1 + CHECKSUM_LENGTH;
