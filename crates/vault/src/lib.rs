//! Secrets, sealed records and token secrets.
//!
//! This crate is the one place that turns sealed bytes into a provider's key. It does no I/O: it
//! lists no runtime, no HTTP and no database among its dependencies, so that an auditor can read
//! it whole and stop. `SPEC.md` beside it is normative: whoever follows that text can open a record
//! without reading this code.
//!
//! ```text
//! root ──opens──> organization ──opens──> group ──opens──> data ──opens──> the provider's key
//!                  (or account)         one per key    one per version
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`secret`] | a provider's key in plaintext, and the wiped bytes beneath every key here |
//! | [`sealing`] | the key that seals and opens records |
//! | [`context`] | what a record is bound to |
//! | [`record`] | the record's byte layout |
//! | [`token`] | access, refresh and API tokens, client secrets |
//! | [`canonical`], [`mac`] | the MAC on rows that carry authority |
//! | [`subject`] | end users as keyed hashes |
//! | [`error`] | why a record does not open |
//!
//! What never happens here: a secret is printed, cloned, compared or serialised. `rg 'expose\('`
//! finds every place in Keystead that sees one.
//!
//! ```
//! use keystead_vault::{Context, Kind, Opener, OpenerKind, SealingKey};
//!
//! let key = SealingKey::generate();
//! let context = Context {
//!     kind: Kind::ProviderKey,
//!     opener: Opener { kind: OpenerKind::Data, id: [7; 16] },
//!     parent: "grp_1",
//!     owner: "org_1",
//!     application: "app_1",
//!     provider: "openai",
//!     scheme: "https",
//!     host: "api.openai.com",
//!     port: 443,
//!     path_prefix: "",
//!     object: "key_1",
//!     version: 1,
//! };
//! let record = key.seal(&context, b"sk-a-provider-key");
//! assert_eq!(*key.open(&context, &record)?, b"sk-a-provider-key");
//!
//! // The same bytes in another tenant's row do not open.
//! assert!(key.open(&Context { owner: "org_2", ..context }, &record).is_err());
//! # Ok::<(), keystead_vault::OpenError>(())
//! ```

pub mod canonical;
pub mod context;
pub mod error;
pub mod mac;
pub mod random;
pub mod record;
pub mod sealing;
pub mod secret;
pub mod subject;
pub mod token;

pub use canonical::Canonical;
pub use context::{Context, Kind, Opener, OpenerKind};
pub use error::OpenError;
pub use mac::MacKey;
pub use random::random;
pub use record::Record;
pub use sealing::SealingKey;
pub use secret::ProviderKey;
pub use subject::{Pepper, SubjectHash};
pub use token::{BadToken, Token, TokenHash, TokenKind, token_hash};
