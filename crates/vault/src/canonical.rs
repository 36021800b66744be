//! Bytes that stand for a list of values, and for no other list.
//!
//! A MAC over joined strings protects less than it seems: `("ab", "c")` and `("a", "bc")` join
//! alike. Here each value carries its type and its length, so two different lists never encode
//! alike. SPEC.md, part 6.

use std::fmt;

/// A canonical encoding under construction.
///
/// ```
/// use keystead_vault::Canonical;
///
/// let row = Canonical::new("keystead/row/v1").text("keys").number(7).flag(false).none();
/// let other = Canonical::new("keystead/row/v1").text("keys").number(7).flag(false).text("");
/// assert_ne!(row.as_bytes(), other.as_bytes());
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct Canonical(Vec<u8>);

impl Canonical {
    /// Begins with a label that says what the values are, so that one use never passes for
    /// another.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self(Vec::with_capacity(256)).item(LABEL, label.as_bytes())
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, value: &str) -> Self {
        self.item(TEXT, value.as_bytes())
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, value: &[u8]) -> Self {
        self.item(BYTES, value)
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, value: i64) -> Self {
        self.item(NUMBER, &value.to_be_bytes())
    }

    /// Adds a yes or no.
    #[must_use]
    pub fn flag(self, value: bool) -> Self {
        self.item(FLAG, &[u8::from(value)])
    }

    /// Adds a list of texts. Its order counts; a set is sorted by its owner first.
    #[must_use]
    pub fn list<'a>(self, values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut items = Vec::new();
        for value in values {
            items.extend_from_slice(&length(value.as_bytes()));
            items.extend_from_slice(value.as_bytes());
        }
        self.item(LIST, &items)
    }

    /// Adds the absence of a value, which differs from an empty one.
    #[must_use]
    pub fn none(self) -> Self {
        self.item(NONE, &[])
    }

    /// The encoding so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn item(mut self, kind: u8, value: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend_from_slice(&length(value));
        self.0.extend_from_slice(value);
        self
    }
}

/// Rows hold what a log must not; how much there is may be shown.
impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canonical({} bytes)", self.0.len())
    }
}

fn length(value: &[u8]) -> [u8; 4] {
    u32::try_from(value.len())
        .expect("a row's value is far below 4 GiB")
        .to_be_bytes()
}

const LABEL: u8 = 0;
const TEXT: u8 = 1;
const BYTES: u8 = 2;
const NUMBER: u8 = 3;
const FLAG: u8 = 4;
const LIST: u8 = 5;
const NONE: u8 = 6;
