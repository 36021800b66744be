//! Whoever can write to the database can't make a record open that was altered, moved, or put back
//! from an older day.

use keystead_vault::{Context, Kind, OpenError, Opener, OpenerKind, SealingKey};

#[test]
fn flipping_any_bit_of_a_record_is_refused_and_named() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);

    for at in 0..record.len() {
        for bit in 0..8 {
            let mut flipped = record.clone();
            flipped[at] ^= 1 << bit;

            let refused = key.open(&CONTEXT, &flipped).unwrap_err();
            let expected = match at {
                0 => OpenError::UnsupportedVersion,
                1..3 => OpenError::UnsupportedSuite,
                3 => OpenError::WrongKind,
                4..21 => OpenError::WrongOpener,
                21..85 => OpenError::WrongKey, // salt and commitment
                97..101 => OpenError::Malformed {
                    reason: "its length field does not fit",
                },
                _ => OpenError::Altered, // nonce, ciphertext, tag
            };
            assert_eq!(refused, expected, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_record_that_is_cut_or_longer_is_refused() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);

    for length in 0..record.len() {
        let refused = key.open(&CONTEXT, &record[..length]).unwrap_err();
        assert!(
            matches!(refused, OpenError::Malformed { .. }),
            "{length}: {refused}"
        );
    }
    let longer = [&record[..], &[0]].concat();
    let refused = key.open(&CONTEXT, &longer).unwrap_err();
    assert!(matches!(refused, OpenError::Malformed { .. }), "{refused}");
}

#[test]
fn a_record_with_a_shortened_ciphertext_and_a_fitting_length_is_refused() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);
    let shorter = u32::try_from(SECRET.len() - 1).unwrap();
    let mut cut = record[..record.len() - 17].to_vec(); // a byte of ciphertext, and the tag
    cut.extend_from_slice(&record[record.len() - 16..]);
    cut[97..101].copy_from_slice(&shorter.to_be_bytes());

    assert_eq!(key.open(&CONTEXT, &cut).unwrap_err(), OpenError::Altered);
}

#[test]
fn every_field_of_the_context_is_bound() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);
    let other_id = Opener {
        id: [8; 16],
        ..CONTEXT.opener
    };
    let other_kind = Opener {
        kind: OpenerKind::Group,
        ..CONTEXT.opener
    };

    for (field, swapped, expected) in [
        (
            "kind",
            Context {
                kind: Kind::Pepper,
                ..CONTEXT
            },
            OpenError::WrongKind,
        ),
        (
            "opener id",
            Context {
                opener: other_id,
                ..CONTEXT
            },
            OpenError::WrongOpener,
        ),
        (
            "opener kind",
            Context {
                opener: other_kind,
                ..CONTEXT
            },
            OpenError::WrongOpener,
        ),
        (
            "parent",
            Context {
                parent: "key_2",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "owner",
            Context {
                owner: "org_2",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "application",
            Context {
                application: "app_2",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "provider",
            Context {
                provider: "deepl",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "scheme",
            Context {
                scheme: "http",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "host",
            Context {
                host: "evil.example",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "port",
            Context {
                port: 444,
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "path prefix",
            Context {
                path_prefix: "/v2",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "object",
            Context {
                object: "key_2",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "newer version",
            Context {
                version: 4,
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "older version",
            Context {
                version: 2,
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "high half of version",
            Context {
                version: 3 | 1 << 32,
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "letter case",
            Context {
                host: "API.openai.com",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
        (
            "nothing there",
            Context {
                parent: "",
                ..CONTEXT
            },
            OpenError::Altered,
        ),
    ] {
        assert_eq!(
            key.open(&swapped, &record).unwrap_err(),
            expected,
            "{field}"
        );
    }
    assert!(key.open(&CONTEXT, &record).is_ok());
}

#[test]
fn letters_do_not_move_between_neighbouring_fields() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);

    for shifted in [
        Context {
            parent: "key_",
            owner: "1org_1",
            ..CONTEXT
        },
        Context {
            owner: "org_",
            application: "1app_1",
            ..CONTEXT
        },
        Context {
            application: "app_",
            provider: "1openai",
            ..CONTEXT
        },
        Context {
            provider: "opena",
            scheme: "ihttps",
            ..CONTEXT
        },
        Context {
            scheme: "http",
            host: "sapi.openai.com",
            ..CONTEXT
        },
        Context {
            path_prefix: "/v",
            object: "1key_1",
            ..CONTEXT
        },
    ] {
        assert_eq!(
            key.open(&shifted, &record).unwrap_err(),
            OpenError::Altered,
            "{shifted:?}"
        );
    }
}

#[test]
fn an_edited_header_and_a_context_to_match_still_fail() {
    let key = SealingKey::generate();
    let record = key.seal(&CONTEXT, SECRET);

    let mut as_pepper = record.clone();
    as_pepper[3] = Kind::Pepper.byte();
    let pepper = Context {
        kind: Kind::Pepper,
        ..CONTEXT
    };
    assert_eq!(
        key.open(&pepper, &as_pepper).unwrap_err(),
        OpenError::Altered
    );

    let mut as_other = record;
    as_other[5..21].copy_from_slice(&[8; 16]);
    let other = Context {
        opener: Opener {
            id: [8; 16],
            ..CONTEXT.opener
        },
        ..CONTEXT
    };
    assert_eq!(key.open(&other, &as_other).unwrap_err(), OpenError::Altered);
}

#[test]
fn two_rows_that_change_places_do_not_open() {
    let (first, second) = (
        Row::new(CONTEXT),
        Row::new(Context {
            object: "key_2",
            ..CONTEXT
        }),
    );

    assert_eq!(first.open_with(&second.record), Err(OpenError::WrongKey));
    assert_eq!(second.open_with(&first.record), Err(OpenError::WrongKey));
    // Nor with the data keys moved along: the record knows which row it is of.
    assert_eq!(first.open_as(&second.context), Err(OpenError::Altered));
}

#[test]
fn a_row_moved_to_another_tenant_does_not_open() {
    let ours = Row::new(CONTEXT);
    let theirs = Context {
        owner: "org_2",
        ..CONTEXT
    };
    assert_eq!(ours.open_as(&theirs), Err(OpenError::Altered));
}

#[test]
fn a_key_is_not_sent_to_another_host() {
    let row = Row::new(CONTEXT);
    for host in [
        "evil.example",
        "api.openai.com.evil.example",
        "api.openai.com.",
        "127.0.0.1",
    ] {
        assert_eq!(
            row.open_as(&Context { host, ..CONTEXT }),
            Err(OpenError::Altered),
            "{host}"
        );
    }
}

#[test]
fn an_older_version_put_back_does_not_open() {
    let old = Row::new(CONTEXT);
    let new = Row::new(Context {
        version: CONTEXT.version + 1,
        ..CONTEXT
    });

    // The old secret alone, then with its data key: the row says which version it is.
    assert_eq!(new.open_with(&old.record), Err(OpenError::WrongKey));
    assert_eq!(old.open_as(&new.context), Err(OpenError::Altered));
}

#[test]
fn a_wrapped_key_is_as_bound_as_a_secret() {
    let (organization, group) = (SealingKey::generate(), SealingKey::generate());
    let context = Context {
        kind: Kind::GroupKey,
        opener: Opener {
            kind: OpenerKind::Organization,
            id: [1; 16],
        },
        ..CONTEXT
    };
    let record = organization.wrap(&context, &group);

    let other_key = Context {
        object: "key_2",
        ..context
    };
    let other_kind = Context {
        kind: Kind::DataKey,
        ..context
    };
    for (name, context, expected) in [
        ("another key's slot", other_key, OpenError::Altered),
        ("another level", other_kind, OpenError::WrongKind),
    ] {
        assert_eq!(
            organization.unwrap(&context, &record).unwrap_err(),
            expected,
            "{name}"
        );
    }
    assert_eq!(
        group.unwrap(&context, &record).unwrap_err(),
        OpenError::WrongKey
    );
}

/// A key version as a store holds it: its record, sealed under a data key of its own.
struct Row {
    context: Context<'static>,
    data_key: SealingKey,
    record: Vec<u8>,
}

impl Row {
    fn new(context: Context<'static>) -> Self {
        let data_key = SealingKey::generate();
        let record = data_key.seal(&context, SECRET);
        let row = Self {
            context,
            data_key,
            record,
        };
        assert_eq!(row.open_with(&row.record), Ok(()));
        row
    }

    /// This row, with another's record in its place.
    fn open_with(&self, record: &[u8]) -> Result<(), OpenError> {
        self.data_key.open(&self.context, record).map(|_| ())
    }

    /// This row, data key and record, in another's place.
    fn open_as(&self, context: &Context<'_>) -> Result<(), OpenError> {
        self.data_key.open(context, &self.record).map(|_| ())
    }
}

const SECRET: &[u8] = b"sk-proj-a-secret-of-some-length";

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
    path_prefix: "/v1",
    object: "key_1",
    version: 3,
};
