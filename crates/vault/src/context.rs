//! What a record is bound to, and the associated data made of it.
//!
//! A record opens only under the very context it was sealed under. So a row that is moved to
//! another tenant, key, version or destination is a row that does not open. Everything in here is
//! public: opaque ids and addresses, never a name or an e-mail.

/// What a record holds. The number is the record's kind byte and never changes its meaning.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// An organization's key, which opens its group keys.
    OrganizationKey = 1,
    /// A person's own key, which opens their e-mail address and what they sign in with.
    AccountKey = 2,
    /// One provider key's group key, which opens the data keys of its versions.
    GroupKey = 3,
    /// One key version's data key, which opens the secret.
    DataKey = 4,
    /// The secret itself: a provider's key.
    ProviderKey = 5,
    /// A random key of the installation: row MAC, e-mail, audit signing. Its name is the object.
    SystemKey = 6,
    /// An application's pepper for subject hashes.
    Pepper = 7,
    /// An account's e-mail address.
    AccountEmail = 8,
    /// A constant that opens under the right root key alone.
    KeyCheck = 9,
    /// The secret of an account's one-time codes.
    TotpSecret = 10,
    /// What a passkey is checked with.
    Passkey = 11,
    /// The key of one person's vault, which opens the group keys of their own provider keys.
    VaultKey = 12,
    /// What deliveries to a webhook are signed with.
    WebhookSecret = 13,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::OrganizationKey,
        Self::AccountKey,
        Self::GroupKey,
        Self::DataKey,
        Self::ProviderKey,
        Self::SystemKey,
        Self::Pepper,
        Self::AccountEmail,
        Self::KeyCheck,
        Self::TotpSecret,
        Self::Passkey,
        Self::VaultKey,
        Self::WebhookSecret,
    ];

    /// The record's kind byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Which sort of key opens a record. The number is the record's opener-kind byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum OpenerKind {
    /// The installation's root key.
    Root = 1,
    /// An organization's key.
    Organization = 2,
    /// A person's own key.
    Account = 3,
    /// A group key.
    Group = 4,
    /// A data key.
    Data = 5,
    /// A system key.
    System = 6,
    /// The key of a vault.
    Vault = 7,
}

impl OpenerKind {
    const ALL: [Self; 7] = [
        Self::Root,
        Self::Organization,
        Self::Account,
        Self::Group,
        Self::Data,
        Self::System,
        Self::Vault,
    ];

    /// The record's opener-kind byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Names the key that opens a record, so that the right one is fetched and no other tried.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Opener {
    /// Which sort of key.
    pub kind: OpenerKind,
    /// Which one: the id of the object that owns the key.
    pub id: [u8; 16],
}

/// Everything a record is bound to. Every field is always part of the associated data; one that
/// does not apply is empty or zero, which is a value like any other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context<'a> {
    /// What the record holds.
    pub kind: Kind,
    /// The key that opens it.
    pub opener: Opener,
    /// The object that the opener belongs to, as text.
    pub parent: &'a str,
    /// The tenant: an organization, an account, or a person's own vault.
    pub owner: &'a str,
    /// The host application.
    pub application: &'a str,
    /// The provider's name.
    pub provider: &'a str,
    /// Destination: `https`.
    pub scheme: &'a str,
    /// Destination: host name or address literal.
    pub host: &'a str,
    /// Destination: port.
    pub port: u16,
    /// Destination: what every path begins with, often empty.
    pub path_prefix: &'a str,
    /// The id or name of the sealed thing.
    pub object: &'a str,
    /// Which version of it; an older one does not open in its place.
    pub version: u64,
}

impl Context<'_> {
    /// The associated data: `header`, then each field behind its length. SPEC.md, part 3.
    pub(crate) fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let kind = [self.kind.byte()];
        let mut opener = [0; 17];
        opener[0] = self.opener.kind.byte();
        opener[1..].copy_from_slice(&self.opener.id);
        let port = self.port.to_be_bytes();
        let version = self.version.to_be_bytes();

        let fields: [&[u8]; 13] = [
            SCHEMA,
            &kind,
            &opener,
            self.parent.as_bytes(),
            self.owner.as_bytes(),
            self.application.as_bytes(),
            self.provider.as_bytes(),
            self.scheme.as_bytes(),
            self.host.as_bytes(),
            &port,
            self.path_prefix.as_bytes(),
            self.object.as_bytes(),
            &version,
        ];
        let length = header.len() + fields.iter().map(|field| 4 + field.len()).sum::<usize>();
        let mut data = Vec::with_capacity(length);
        data.extend_from_slice(header);
        for field in fields {
            let length = u32::try_from(field.len()).expect("ids and addresses are far below 4 GiB");
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(field);
        }
        data
    }
}

/// Names this list of fields; another list is another schema.
const SCHEMA: &[u8] = b"keystead/context/v1";
