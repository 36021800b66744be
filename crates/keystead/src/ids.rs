//! Names of things: typed, prefixed, safe to log.
//!
//! An id is a UUID version 7, so ids sort by the time they were made and a list can continue
//! after one. It shows that time too, and is no secret: never use one as a permission.
//! The text form is the prefix and 32 lower-case hex digits.

use std::{fmt, str::FromStr};

use http::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{NoContext, Uuid};

use crate::clock::{Clock, Timestamp};

/// Text that is not an id of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a valid id: expected `{expected}`")]
pub struct BadId {
    expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id, later in order than those made in an earlier millisecond.
            pub fn new(clock: &Clock) -> Self {
                Self(version_7(clock))
            }

            /// The 16 bytes of the id, as a sealed record names its opener.
            pub fn as_bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// The id of these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl From<[u8; 16]> for $name {
            fn from(bytes: [u8; 16]) -> Self {
                Self::from_bytes(bytes)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                parse($prefix, text)
                    .map(Self)
                    .ok_or(BadId { expected: concat!($prefix, "<32 hex digits>") })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        as_text!($name);
        described!($name, concat!("^", $prefix, "[0-9a-f]{32}$"), concat!($prefix, "01890a5d96c8768cb1e7f3ad6c2a4b91"));
    )*};
}

/// Serialises by `Display`, parses by `FromStr`.
macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Says in API documents what the text looks like.
macro_rules! described {
    ($name:ident, $pattern:expr, $example:expr) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::Type::String)
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

ids! {
    /// Names a backup.
    BackupId, "bak_";
    /// Names an erasure: what was asked for, on its tombstone, its receipt and in the log.
    ErasureId, "ers_";
    /// Names an organization, the tenant that everything below it belongs to.
    OrganizationId, "org_";
    /// Names an account: a person who signs in.
    AccountId, "acc_";
    /// Names a host application.
    ApplicationId, "app_";
    /// Names a stored provider key.
    KeyId, "key_";
    /// Names an AddOn.
    AddOnId, "add_";
    /// Names an access token; not the token itself.
    TokenId, "tok_";
    /// Names what a person lets an application do for them.
    GrantId, "grn_";
    /// Names a vault: where one person's own provider keys lie.
    VaultId, "vlt_";
    /// Names the permission of an application to use a person's own key.
    KeyGrantId, "kgr_";
    /// Names a link by which a host's user enters a key; not the token in it.
    ConnectLinkId, "clk_";
    /// Names an authorization code; not the code itself.
    CodeId, "cod_";
    /// Names all the tokens that came of one authorization code.
    FamilyId, "fam_";
    /// Names a refresh token; not the token itself.
    RefreshTokenId, "rft_";
    /// Names one version of what an application's users agree to.
    ConsentTextId, "ctx_";
    /// Names that somebody agreed.
    ConsentId, "cns_";
    /// Names a client secret; not the secret itself.
    ClientSecretId, "sec_";
    /// Names an API token; not the token itself.
    ApiTokenId, "apt_";
    /// Names a session of the console.
    SessionId, "ses_";
    /// Names an account's password.
    PasswordId, "pwd_";
    /// Names an account's enrolment of one-time codes.
    TotpId, "otp_";
    /// Names an account's set of recovery codes.
    RecoveryCodesId, "rec_";
    /// Names a passkey.
    PasskeyId, "psk_";
    /// Names who an account is at an OpenID provider.
    IdentityId, "idn_";
    /// Names a single-use link; not the token in it.
    LinkId, "lnk_";
    /// Names one call through the proxy.
    RequestId, "req_";
    /// Names one row of the audit log.
    EventId, "evt_";
    /// Names an alert.
    AlertId, "alt_";
    /// Names a decoy; not the decoy itself.
    DecoyId, "dec_";
    /// Names a webhook.
    WebhookId, "whk_";
    /// Names one thing that is told to a webhook, however often it takes.
    DeliveryId, "dlv_";
}

impl EventId {
    /// What no row that is written at `at` or later has an id below.
    pub fn first_since(at: Timestamp) -> Self {
        let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

impl RequestId {
    /// The name of a call that came at `at`, told from others by `chance`. Made for every call, so
    /// it asks the kernel for nothing; its chance need not be hard to guess.
    pub fn of(at: Timestamp, chance: u64, more: u64) -> Self {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&chance.to_le_bytes());
        random[8..].copy_from_slice(&more.to_le_bytes()[..2]);
        let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl From<RequestId> for HeaderValue {
    fn from(id: RequestId) -> Self {
        let mut text = *b"req_00000000000000000000000000000000";
        id.0.as_simple().encode_lower(&mut text[4..]);
        Self::from_bytes(&text).expect("an id is header text")
    }
}

/// What a host application is called in URLs and at the token endpoint: `cl_` and 32 hex digits.
///
/// Random (UUID version 4) rather than an id of the time it was made, because it is public.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct ClientId(Uuid);

impl ClientId {
    const PREFIX: &'static str = "cl_";

    /// A fresh client id.
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for ClientId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        parse(Self::PREFIX, text).map(Self).ok_or(BadId {
            expected: "cl_<32 hex digits>",
        })
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0.as_simple())
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(ClientId);
described!(
    ClientId,
    "^cl_[0-9a-f]{32}$",
    "cl_5f2b9d0c7e1a4c3b8d6e9f0a1b2c3d4e"
);

/// What an AddOn is called within its application, in URLs and scopes, such as `chat`.
///
/// 1 to 64 lower-case letters, digits and hyphens, of which the first is no hyphen.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Handle(Box<str>);

/// Text that can't be a handle.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a handle is 1 to 64 lower-case letters, digits and hyphens, and begins with no hyphen")]
pub struct BadHandle;

impl Handle {
    /// The handle's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` can be a handle.
    pub fn is_valid(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed)
    }
}

impl FromStr for Handle {
    type Err = BadHandle;

    fn from_str(text: &str) -> Result<Self, BadHandle> {
        Self::is_valid(text)
            .then(|| Self(text.into()))
            .ok_or(BadHandle)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(Handle);
described!(Handle, "^[a-z0-9][a-z0-9-]{0,63}$", "chat");

fn version_7(clock: &Clock) -> Uuid {
    let micros = u64::try_from(clock.now().as_micros()).unwrap_or_default();
    let nanos = u32::try_from(micros % 1_000_000)
        .expect("a remainder of a million is below a million")
        * 1_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(
        NoContext,
        micros / 1_000_000,
        nanos,
    ))
}

/// The UUID after `prefix`: exactly 32 lower-case hex digits, so that an id has one spelling.
fn parse(prefix: &str, text: &str) -> Option<Uuid> {
    let digits = text.strip_prefix(prefix)?;
    let plain = digits.len() == 32 && !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    plain.then(|| Uuid::try_parse(digits).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn an_id_reads_back_from_its_text_and_no_other_kind_does() {
        let clock = Clock::standing_at(Timestamp::from_micros(1_800_000_000_123_456));
        let id = KeyId::new(&clock);
        assert_eq!(id.to_string().parse(), Ok(id));
        let refused = id.to_string().parse::<AddOnId>().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "not a valid id: expected `add_<32 hex digits>`"
        );
    }

    #[test]
    fn an_id_has_one_spelling() {
        let text = KeyId::new(&Clock::system()).to_string();
        let (prefix, digits) = text.split_at(4);
        for (name, other) in [
            ("upper case", format!("{prefix}{}", "A".repeat(32))),
            (
                "hyphens",
                format!("{prefix}00000000-0000-7000-8000-000000000000"),
            ),
            ("no prefix", digits.to_owned()),
            ("too short", text[..text.len() - 1].to_owned()),
        ] {
            assert!(other.parse::<KeyId>().is_err(), "{name}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let clock = Clock::standing_at(Timestamp::from_micros(1_800_000_000_000_000));
        let first = KeyId::new(&clock);
        clock.advance(std::time::Duration::from_millis(1));
        let second = KeyId::new(&clock);
        assert!(first < second && first.to_string() < second.to_string());
    }

    #[test]
    fn handles_are_short_plain_words() {
        for good in ["a", "chat", "alt-text", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<Handle>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "A", "a_b", "a/b", "ü", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Handle>(), Err(BadHandle), "{bad}");
        }
    }
}
