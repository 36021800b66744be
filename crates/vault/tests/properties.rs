//! What holds for every input, shown on many.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use keystead_vault::{
    BadToken, Canonical, Context, Kind, Opener, OpenerKind, Record, SealingKey, Token, TokenKind,
    token_hash,
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_assert, prop_assert_eq, prop_assert_ne, prop_oneof, proptest,
    sample::select,
};

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused_and_what_parses_adds_up(bytes in nearly_a_record()) {
        if let Ok(record) = Record::parse(&bytes) {
            let length = u32::from_be_bytes(bytes[97..101].try_into().unwrap());
            prop_assert_eq!(bytes.len(), 117 + length as usize);
            prop_assert_eq!(&bytes[..3], &[1, 0, 1]);
            prop_assert_eq!(record.kind.byte(), bytes[3]);
            prop_assert_eq!(record.opener.kind.byte(), bytes[4]);
            prop_assert_eq!(&record.opener.id, &bytes[5..21]);
        }
    }

    #[test]
    fn what_is_sealed_opens_under_its_context_and_says_what_it_is(
        place in place(),
        secret in vec(any::<u8>(), 0..200),
    ) {
        let key = SealingKey::generate();
        let context = place.context();
        let record = key.seal(&context, &secret);

        let parsed = Record::parse(&record).unwrap();
        prop_assert_eq!(parsed.kind, context.kind);
        prop_assert_eq!(parsed.opener, context.opener);
        prop_assert_eq!(&*key.open(&context, &record).unwrap(), &secret);
    }

    #[test]
    fn a_record_opens_in_no_other_place(
        sealed in place(),
        other in place(),
        field in 0_usize..10,
    ) {
        let found = sealed.clone().with_field_of(&other, field);
        let key = SealingKey::generate();
        let record = key.seal(&sealed.context(), b"secret");
        prop_assert_eq!(key.open(&found.context(), &record).is_ok(), sealed == found);
    }

    #[test]
    fn a_canonical_encoding_reads_back_as_the_list_it_was_made_of(items in items()) {
        prop_assert_eq!(decode(encode(&items).as_bytes()), items);
    }

    #[test]
    fn two_lists_encode_alike_only_if_they_are_alike(first in items(), second in items()) {
        prop_assert_eq!(encode(&first) == encode(&second), first == second);
    }

    #[test]
    fn a_text_cut_at_another_place_encodes_differently(
        text in "[a-z]{2,20}",
        first in 0_usize..20,
        second in 0_usize..20,
    ) {
        let (first, second) = (first % text.len(), second % text.len());
        let cut = |at: usize| {
            Canonical::new("cut").text(&text[..at]).text(&text[at..]).as_bytes().to_vec()
        };
        prop_assert_eq!(cut(first) == cut(second), first == second);
    }

    #[test]
    fn any_text_is_a_token_to_both_readers_or_to_none(text in nearly_a_token()) {
        let parsed = Token::parse(&text);
        let hashed = token_hash(&text);
        prop_assert_eq!(parsed.as_ref().ok().map(|token| (token.kind(), token.lookup())), hashed);
        if let Ok(token) = parsed {
            prop_assert_eq!(token.expose(), &text);
            let fits_a_header =
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            prop_assert!(fits_a_header);
        }
    }

    #[test]
    fn no_single_slip_makes_a_token_of_a_token(
        kind in token_kind(),
        at in 0_usize..57,
        slip in "[ -~]",
    ) {
        let token = Token::generate(kind);
        let mut text = token.expose().to_owned();
        text.replace_range(at..=at, &slip);
        if text == token.expose() {
            return Ok(());
        }
        prop_assert!(Token::parse(&text).is_err(), "{}", at);
        prop_assert_eq!(token_hash(&text), None);
    }

    #[test]
    fn two_swapped_neighbours_make_no_token(kind in token_kind(), at in 0_usize..56) {
        let token = Token::generate(kind);
        let mut bytes = token.expose().as_bytes().to_vec();
        bytes.swap(at, at + 1);
        let text = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(Token::parse(&text).is_ok(), text == token.expose());
    }

    #[test]
    fn a_token_with_anything_around_it_is_refused_for_its_length(around in "[ -~]{1,5}") {
        let token = Token::generate(TokenKind::Access);
        for text in [format!("{}{around}", token.expose()), format!("{around}{}", token.expose())] {
            prop_assert_eq!(Token::parse(&text).unwrap_err(), BadToken::Length);
        }
    }

    #[test]
    fn two_tokens_are_never_known_by_one_hash(kind in token_kind()) {
        prop_assert_ne!(Token::generate(kind).lookup(), Token::generate(kind).lookup());
    }
}

/// Bytes of the right shape more often than chance would have them.
fn nearly_a_record() -> impl Strategy<Value = Vec<u8>> {
    let header = (
        0_u8..3,
        0_u8..2,
        0_u8..3,
        0_u8..12,
        0_u8..9,
        vec(any::<u8>(), 92),
    );
    let shaped = (header, 0_u32..40, 0_usize..60).prop_map(
        |((version, high, low, kind, opener, rest), length, tail)| {
            let mut bytes = vec![version, high, low, kind, opener];
            bytes.extend(rest);
            bytes.extend(length.to_be_bytes());
            bytes.resize(bytes.len() + tail, 0xee);
            bytes
        },
    );
    prop_oneof![vec(any::<u8>(), 0..200), shaped]
}

/// A context that owns its texts. Few values, so that two are equal often enough to matter.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    kind: Kind,
    opener: Opener,
    texts: Vec<&'static str>,
    port: u16,
    version: u64,
}

impl Place {
    /// One field from elsewhere: what differs in many is caught by the first.
    fn with_field_of(mut self, other: &Self, field: usize) -> Self {
        match field {
            0 => self.kind = other.kind,
            1 => self.opener = other.opener,
            2 => self.port = other.port,
            3 => self.version = other.version,
            text => self.texts[text - 4] = other.texts[text - 4],
        }
        self
    }

    fn context(&self) -> Context<'_> {
        Context {
            kind: self.kind,
            opener: self.opener,
            parent: self.texts[0],
            owner: self.texts[1],
            application: self.texts[2],
            provider: "openai",
            scheme: "https",
            host: self.texts[3],
            port: self.port,
            path_prefix: self.texts[4],
            object: self.texts[5],
            version: self.version,
        }
    }
}

fn place() -> impl Strategy<Value = Place> {
    let opener = (select(vec![OpenerKind::Root, OpenerKind::Data]), 0_u8..2)
        .prop_map(|(kind, id)| Opener { kind, id: [id; 16] });
    let texts = vec(prop_oneof![Just("a"), Just(""), Just("aa")], 6);
    (
        select(vec![Kind::DataKey, Kind::ProviderKey]),
        opener,
        texts,
        443_u16..445,
        1_u64..3,
    )
        .prop_map(|(kind, opener, texts, port, version)| Place {
            kind,
            opener,
            texts,
            port,
            version,
        })
}

/// One canonical value, in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Text(String),
    Bytes(Vec<u8>),
    Number(i64),
    Flag(bool),
    List(Vec<String>),
    None,
}

/// Short values, so that two lists agree in most of their bytes.
fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        "[ab]{0,2}".prop_map(Item::Text),
        vec(0_u8..3, 0..3).prop_map(Item::Bytes),
        (-1_i64..2).prop_map(Item::Number),
        any::<bool>().prop_map(Item::Flag),
        vec("[ab]{0,2}", 0..3).prop_map(Item::List),
        Just(Item::None),
    ];
    vec(item, 0..4)
}

fn encode(items: &[Item]) -> Canonical {
    items
        .iter()
        .fold(Canonical::new("list"), |row, item| match item {
            Item::Text(text) => row.text(text),
            Item::Bytes(bytes) => row.bytes(bytes),
            Item::Number(number) => row.number(*number),
            Item::Flag(flag) => row.flag(*flag),
            Item::List(list) => row.list(list.iter().map(String::as_str)),
            Item::None => row.none(),
        })
}

/// The inverse, which only this test needs: that it exists is why the encoding is injective.
fn decode(mut bytes: &[u8]) -> Vec<Item> {
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let label = take(&mut bytes);
    assert_eq!(label, (0, &b"list"[..]));

    let mut items = Vec::new();
    while !bytes.is_empty() {
        items.push(match take(&mut bytes) {
            (1, value) => Item::Text(text(value)),
            (2, value) => Item::Bytes(value.to_vec()),
            (3, value) => Item::Number(i64::from_be_bytes(value.try_into().unwrap())),
            (4, value) => Item::Flag(value == [1]),
            (5, mut value) => {
                let mut list = Vec::new();
                while !value.is_empty() {
                    list.push(text(take_value(&mut value)));
                }
                Item::List(list)
            }
            (6, []) => Item::None,
            other => panic!("no such item: {other:?}"),
        });
    }
    items
}

fn take<'a>(bytes: &mut &'a [u8]) -> (u8, &'a [u8]) {
    let (&kind, rest) = bytes.split_first().unwrap();
    *bytes = rest;
    (kind, take_value(bytes))
}

fn take_value<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (value, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
    *bytes = rest;
    value
}

fn token_kind() -> impl Strategy<Value = TokenKind> {
    select(vec![
        TokenKind::Access,
        TokenKind::Refresh,
        TokenKind::Api,
        TokenKind::ClientSecret,
        TokenKind::Session,
        TokenKind::Link,
    ])
}

fn nearly_a_token() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "ks[tracsl]1_[A-Za-z0-9_-]{43}_[0-9a-f]{8}",
        token_kind().prop_map(|kind| Token::generate(kind).expose().to_owned()),
    ]
}
