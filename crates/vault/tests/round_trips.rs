//! What is sealed opens, what is made is read back: the plain promises, before the hard ones.

use keystead_vault::{
    Canonical, Context, Kind, MacKey, OpenError, Opener, OpenerKind, Pepper, SealingKey, Token,
    TokenKind, token_hash,
};
use zeroize::Zeroizing;

#[test]
fn the_whole_hierarchy_opens_from_the_root_down() {
    let (root, organization) = (SealingKey::generate(), SealingKey::generate());
    let (group, data) = (SealingKey::generate(), SealingKey::generate());
    let organization_record = root.wrap(&ORGANIZATION, &organization);
    let group_record = organization.wrap(&GROUP, &group);
    let data_record = group.wrap(&DATA, &data);
    let secret_record = data.seal(&SECRET, b"sk-a-provider-key");
    drop((organization, group, data));

    let organization = root.unwrap(&ORGANIZATION, &organization_record).unwrap();
    let group = organization.unwrap(&GROUP, &group_record).unwrap();
    let data = group.unwrap(&DATA, &data_record).unwrap();

    assert_eq!(
        *data.open(&SECRET, &secret_record).unwrap(),
        b"sk-a-provider-key"
    );
}

#[test]
fn an_empty_secret_and_a_large_one_open() {
    let key = SealingKey::generate();
    for length in [0, 1, 15, 16, 17, 4_096, 1_000_000] {
        let plaintext = vec![0xa5; length];
        let record = key.seal(&SECRET, &plaintext);
        assert_eq!(record.len(), 117 + length);
        assert_eq!(*key.open(&SECRET, &record).unwrap(), plaintext);
    }
}

#[test]
fn a_record_that_holds_no_key_does_not_unwrap() {
    let key = SealingKey::generate();
    for length in [0, 31, 33] {
        let record = key.seal(&GROUP, &vec![0; length]);
        let refused = key.unwrap(&GROUP, &record).unwrap_err();
        assert!(
            matches!(refused, OpenError::Malformed { .. }),
            "{length}: {refused}"
        );
    }
}

#[test]
fn a_row_mac_and_a_pepper_survive_being_sealed() {
    let root = SealingKey::generate();
    let (mac, pepper) = (MacKey::generate(), Pepper::generate());
    let row = Canonical::new("keystead/row/v1").text("keys").number(1);
    let (tag, subject) = (mac.tag(&row), pepper.subject("host", "", "user-1"));
    let (mac_record, pepper_record) = (
        root.seal(&ORGANIZATION, mac.expose()),
        root.seal(&ORGANIZATION, pepper.expose()),
    );

    let mac = MacKey::from_opened(&root.open(&ORGANIZATION, &mac_record).unwrap()).unwrap();
    let pepper = Pepper::from_opened(&root.open(&ORGANIZATION, &pepper_record).unwrap()).unwrap();

    assert!(mac.verify(&row, &tag));
    assert_eq!(pepper.subject("host", "", "user-1"), subject);
}

#[test]
fn keys_of_the_same_bytes_are_the_same_key() {
    let record = SealingKey::from_bytes(Zeroizing::new([3; 32])).seal(&SECRET, b"secret");
    let again = SealingKey::from_bytes(Zeroizing::new([3; 32]));
    assert_eq!(*again.open(&SECRET, &record).unwrap(), b"secret");
}

#[test]
fn a_row_mac_fits_its_row_and_its_key_alone() {
    let (key, other) = (MacKey::generate(), MacKey::generate());
    let row = Canonical::new("keystead/row/v1").text("keys").number(1);
    let edited = Canonical::new("keystead/row/v1").text("keys").number(2);
    let tag = key.tag(&row);

    assert!(key.verify(&row, &tag));
    assert!(!key.verify(&edited, &tag));
    assert!(!other.verify(&row, &tag));
    assert!(!key.verify(&row, &tag[..31]));
    assert!(!key.verify(&row, &[]));
}

#[test]
fn the_same_name_from_two_sources_issuers_or_applications_is_two_subjects() {
    let (pepper, other) = (Pepper::generate(), Pepper::generate());
    let subject = pepper.subject("host", "", "1");

    assert_eq!(subject, pepper.subject("host", "", "1"));
    assert_ne!(subject, pepper.subject("oidc", "", "1"));
    assert_ne!(subject, pepper.subject("host", "1", ""));
    assert_ne!(subject, other.subject("host", "", "1"));
}

#[test]
fn a_generated_token_is_read_back_as_what_it_is() {
    for (kind, prefix) in [
        (TokenKind::Access, "kst1_"),
        (TokenKind::Refresh, "ksr1_"),
        (TokenKind::Api, "ksa1_"),
        (TokenKind::ClientSecret, "ksc1_"),
        (TokenKind::Session, "kss1_"),
        (TokenKind::Link, "ksl1_"),
    ] {
        let token = Token::generate(kind);
        let read = Token::parse(token.expose()).unwrap();

        assert!(token.expose().starts_with(prefix));
        assert_eq!(token.expose().len(), 57);
        assert_eq!(read.kind(), kind);
        assert_eq!(read.lookup(), token.lookup());
        assert_eq!(token_hash(token.expose()), Some((kind, token.lookup())));
    }
}

const ORGANIZATION: Context<'static> = Context {
    kind: Kind::OrganizationKey,
    opener: Opener {
        kind: OpenerKind::Root,
        id: [0; 16],
    },
    parent: "",
    owner: "org_1",
    application: "",
    provider: "",
    scheme: "",
    host: "",
    port: 0,
    path_prefix: "",
    object: "org_1",
    version: 1,
};

const GROUP: Context<'static> = Context {
    kind: Kind::GroupKey,
    opener: Opener {
        kind: OpenerKind::Organization,
        id: [1; 16],
    },
    parent: "org_1",
    application: "app_1",
    object: "key_1",
    ..ORGANIZATION
};

const DATA: Context<'static> = Context {
    kind: Kind::DataKey,
    opener: Opener {
        kind: OpenerKind::Group,
        id: [2; 16],
    },
    parent: "key_1",
    ..GROUP
};

const SECRET: Context<'static> = Context {
    kind: Kind::ProviderKey,
    opener: Opener {
        kind: OpenerKind::Data,
        id: [2; 16],
    },
    provider: "openai",
    scheme: "https",
    host: "api.openai.com",
    port: 443,
    ..DATA
};
