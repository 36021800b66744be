//! The key that seals and opens records.
//!
//! Each record has an encryption key of its own, derived from a fresh 32-byte salt, so the bound
//! on how often one AES-GCM key may be used is never near. Beside it a commitment is derived: GCM
//! alone lets one ciphertext open under two keys, and the commitment is what rules that out.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    constant_time::verify_slices_are_equal,
    hkdf::{HKDF_SHA512, KeyType, Salt},
};
use zeroize::Zeroizing;

use crate::{
    Context, OpenError, Record,
    random::random,
    record::{
        COMMITMENT_LENGTH, HEADER_LENGTH, Header, NONCE_LENGTH, SALT_LENGTH, SUITE, TAG_LENGTH,
    },
    secret::{KEY_LENGTH, KeyBytes},
};

/// A 256-bit key that seals and opens records: an organization's, a group's, a version's.
///
/// Unprintable, uncloneable, wiped on drop.
pub struct SealingKey(KeyBytes);

impl SealingKey {
    /// A fresh random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(KeyBytes::generate())
    }

    /// The key of these bytes, which are wiped.
    #[must_use]
    pub fn from_bytes(mut bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(KeyBytes::take(&mut bytes))
    }

    /// The key that lay in a record which something other than a [`SealingKey`] opened: a KMS, an
    /// HSM.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] unless there are 32 bytes.
    pub fn from_opened(plaintext: &[u8]) -> Result<Self, OpenError> {
        KeyBytes::opened(plaintext).map(Self)
    }

    /// The key itself, to be wrapped by something other than a [`SealingKey`].
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Seals `plaintext` into a record that opens under this key and this context alone.
    ///
    /// # Panics
    ///
    /// When `plaintext` has 4 GiB or more, which the format can't express.
    #[must_use]
    pub fn seal(&self, context: &Context<'_>, plaintext: &[u8]) -> Vec<u8> {
        let salt = random();
        let nonce = random();
        let keys = RecordKeys::derive(&self.0, &salt);
        let header = Header {
            kind: context.kind,
            opener: context.opener,
            salt,
            commitment: keys.commitment,
            nonce,
            ciphertext_length: u32::try_from(plaintext.len()).expect("secrets are below 4 GiB"),
        }
        .to_bytes();

        let mut record = Vec::with_capacity(HEADER_LENGTH + plaintext.len() + TAG_LENGTH);
        record.extend_from_slice(&header);
        record.extend_from_slice(plaintext);
        let tag = keys
            .cipher()
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.associated_data(&header)),
                &mut record[HEADER_LENGTH..],
            )
            .expect("AES-GCM takes any plaintext below 64 GiB");
        record.extend_from_slice(tag.as_ref());
        record
    }

    /// Opens a record. The commitment is compared, in constant time, before anything is decrypted.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: whatever is not as it was sealed.
    pub fn open(
        &self,
        context: &Context<'_>,
        record: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let record = Record::parse(record)?;
        if record.kind != context.kind {
            return Err(OpenError::WrongKind);
        }
        if record.opener != context.opener {
            return Err(OpenError::WrongOpener);
        }
        let keys = RecordKeys::derive(&self.0, &record.salt());
        verify_slices_are_equal(&keys.commitment, &record.commitment())
            .map_err(|_| OpenError::WrongKey)?;

        let mut plaintext = Zeroizing::new(vec![0; record.ciphertext.len()]);
        keys.cipher()
            .open_separate_gather(
                Nonce::assume_unique_for_key(record.nonce()),
                Aad::from(context.associated_data(record.header)),
                record.ciphertext,
                record.tag,
                &mut plaintext,
            )
            .map_err(|_| OpenError::Altered)?;
        Ok(plaintext)
    }

    /// Seals another key: one step of the hierarchy.
    #[must_use]
    pub fn wrap(&self, context: &Context<'_>, inner: &Self) -> Vec<u8> {
        self.seal(context, inner.expose())
    }

    /// Opens a record that holds a key.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); and [`OpenError::Malformed`] when the content is no key.
    pub fn unwrap(&self, context: &Context<'_>, record: &[u8]) -> Result<Self, OpenError> {
        Self::from_opened(&self.open(context, record)?)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// What one record's salt makes of a key.
struct RecordKeys {
    encryption: Zeroizing<[u8; KEY_LENGTH]>,
    commitment: [u8; COMMITMENT_LENGTH],
}

impl RecordKeys {
    fn derive(key: &KeyBytes, salt: &[u8; SALT_LENGTH]) -> Self {
        let mut both = Zeroizing::new([0; KEY_LENGTH + COMMITMENT_LENGTH]);
        Salt::new(HKDF_SHA512, salt)
            .extract(key.expose())
            .expand(&[INFO, &SUITE], Both)
            .and_then(|output| output.fill(&mut both[..]))
            .expect("HKDF-SHA512 gives up to 16,320 bytes");

        let mut keys = Self {
            encryption: Zeroizing::new([0; KEY_LENGTH]),
            commitment: [0; COMMITMENT_LENGTH],
        };
        let (encryption, commitment) = both.split_at(KEY_LENGTH);
        keys.encryption.copy_from_slice(encryption);
        keys.commitment.copy_from_slice(commitment);
        keys
    }

    /// AWS-LC keeps the key schedule in memory that it wipes when it frees it.
    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &self.encryption[..])
            .expect("AES-256 takes a key of 32 bytes");
        LessSafeKey::new(key)
    }
}

/// The length of both derived values together, as HKDF wants to be told.
struct Both;

impl KeyType for Both {
    fn len(&self) -> usize {
        KEY_LENGTH + COMMITMENT_LENGTH
    }
}

const INFO: &[u8] = b"keystead/record/v1";

const _: () = assert!(NONCE_LENGTH == aws_lc_rs::aead::NONCE_LEN);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{KEY_LENGTH, RecordKeys, SealingKey};
    use crate::{Context, Kind, Opener, OpenerKind, Record};

    #[test]
    fn no_key_nonce_or_commitment_comes_twice() {
        let key = SealingKey::generate();
        let mut encryption_keys: HashSet<[u8; KEY_LENGTH]> = HashSet::with_capacity(SEALS);
        let mut nonces = HashSet::with_capacity(SEALS);
        let mut commitments = HashSet::with_capacity(SEALS);
        for _ in 0..SEALS {
            let bytes = key.seal(&CONTEXT, b"the same secret each time");
            let record = Record::parse(&bytes).unwrap();
            let keys = RecordKeys::derive(&key.0, &record.salt());

            assert!(encryption_keys.insert(*keys.encryption));
            assert!(nonces.insert(record.nonce()));
            assert!(commitments.insert(record.commitment()));
            assert_eq!(keys.commitment, record.commitment());
            assert_ne!(*keys.encryption, keys.commitment);
        }
        assert_eq!(encryption_keys.len(), SEALS);
    }

    const SEALS: usize = 100_000;

    const CONTEXT: Context<'static> = Context {
        kind: Kind::ProviderKey,
        opener: Opener {
            kind: OpenerKind::Data,
            id: [0; 16],
        },
        parent: "",
        owner: "",
        application: "",
        provider: "",
        scheme: "",
        host: "",
        port: 0,
        path_prefix: "",
        object: "",
        version: 1,
    };
}
