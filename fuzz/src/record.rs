//! The record parser, and opening behind it.

use keystead_vault::{Context, Kind, Opener, OpenerKind, Record, SealingKey};
use zeroize::Zeroizing;

/// Reads `data` and tries to open it under a key that is always the same; says whether it opened.
pub fn opens(data: &[u8]) -> bool {
    let opened = key().open(&CONTEXT, data);
    match Record::parse(data) {
        Err(refused) => assert_eq!(opened.as_ref().err(), Some(&refused)),
        Ok(record) => {
            // Asked for as what it says it is: so far as only the key can tell.
            let context = Context {
                kind: record.kind,
                opener: record.opener,
                ..CONTEXT
            };
            let as_it_says = key().open(&context, data);
            if context == CONTEXT {
                assert_eq!(as_it_says, opened);
            } else {
                assert!(as_it_says.is_err() && opened.is_err());
            }
        }
    }
    if let Ok(plaintext) = &opened {
        assert_eq!(plaintext.len() + 117, data.len());
    }
    opened.is_ok()
}

/// Records that open, to begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    [&b""[..], b"s", b"sk-proj-a-secret", &[0; 300]]
        .into_iter()
        .map(|plaintext| key().seal(&CONTEXT, plaintext))
        .collect()
}

fn key() -> SealingKey {
    SealingKey::from_bytes(Zeroizing::new([7; 32]))
}

const CONTEXT: Context<'static> = Context {
    kind: Kind::ProviderKey,
    opener: Opener {
        kind: OpenerKind::Data,
        id: [7; 16],
    },
    parent: "key_1",
    owner: "org_1",
    application: "app_1",
    provider: "openai",
    scheme: "https",
    host: "api.openai.com",
    port: 443,
    path_prefix: "",
    object: "key_1",
    version: 1,
};
