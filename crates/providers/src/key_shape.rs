//! What a provider's keys look like: a hint for the one who pastes the wrong thing, and a refusal
//! of keys that are too powerful to sit in a proxy.

/// How a pasted key looks to one provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyShape {
    /// As documented.
    Fits,
    /// Worth a second look; the hint says why. Lengths change, so nothing is refused for them.
    Unusual(&'static str),
    /// Not stored: an administrator's key, another provider's, or no key at all.
    Refused(&'static str),
}

/// One line of a provider's table of key shapes.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeRule {
    #[serde(default, deserialize_with = "crate::manifest::leak")]
    prefix: &'static str,
    #[serde(default, deserialize_with = "crate::manifest::leak")]
    suffix: &'static str,
    #[serde(default, deserialize_with = "crate::manifest::leak")]
    contains: &'static str,
    /// How many characters lie between prefix and suffix; any number when absent.
    #[serde(default)]
    length: Option<usize>,
    #[serde(default)]
    alphabet: Alphabet,
    verdict: Verdict,
    #[serde(default, deserialize_with = "crate::manifest::leak")]
    text: &'static str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Fits,
    Unusual,
    Refused,
}

/// The characters between prefix and suffix.
#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Alphabet {
    #[default]
    Any,
    LowerHex,
    Alphanumeric,
    /// Hexadecimal with dashes.
    Uuid,
}

/// Reads `key` by the first rule that fits; a key that no rule knows is unusual.
pub(crate) fn read(rules: &[ShapeRule], key: &str) -> KeyShape {
    if key.len() < 16 {
        return KeyShape::Refused("a key of fewer than 16 characters is none");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return KeyShape::Refused("a key has neither spaces nor characters beyond ASCII");
    }
    match rules.iter().find(|rule| rule.fits(key)) {
        Some(rule) => rule.shape(),
        None => KeyShape::Unusual("this does not look like a key of this provider"),
    }
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Any => true,
            Self::LowerHex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
        }
    }
}

impl ShapeRule {
    fn fits(&self, key: &str) -> bool {
        let inner = key
            .strip_prefix(self.prefix)
            .and_then(|rest| rest.strip_suffix(self.suffix));
        inner.is_some_and(|inner| {
            inner.contains(self.contains)
                && self.length.is_none_or(|length| length == inner.len())
                && inner.bytes().all(|byte| self.alphabet.has(byte))
        })
    }

    fn shape(&self) -> KeyShape {
        match self.verdict {
            Verdict::Fits => KeyShape::Fits,
            Verdict::Unusual => KeyShape::Unusual(self.text),
            Verdict::Refused => KeyShape::Refused(self.text),
        }
    }

    /// Only a prefix or suffix may refuse, never a guess about what lies between.
    pub(crate) fn check(&self) -> Result<(), String> {
        let has_ends = !self.prefix.is_empty() || !self.suffix.is_empty();
        match self.verdict {
            Verdict::Refused if !has_ends => {
                Err("a key is refused by prefix or suffix only".into())
            }
            Verdict::Refused | Verdict::Unusual if self.text.is_empty() => Err(format!(
                "key shape `{}…{}` lacks a text",
                self.prefix, self.suffix
            )),
            _ => Ok(()),
        }
    }
}
