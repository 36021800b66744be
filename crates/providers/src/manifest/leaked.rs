//! Strings of the data files, which live as long as the process.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A string.
pub(crate) fn leak<'de, D: Deserializer<'de>>(source: D) -> Result<&'static str, D::Error> {
    String::deserialize(source).map(|text| &*text.leak())
}

/// A string that may be absent.
pub(crate) fn leak_some<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Option<&'static str>, D::Error> {
    leak(source).map(Some)
}

/// A list.
pub(crate) fn leak_all<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Vec<&'static str>, D::Error> {
    let texts = Vec::<String>::deserialize(source)?;
    Ok(texts.into_iter().map(|text| &*text.leak()).collect())
}

/// A table of words.
pub(crate) fn leak_map<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<Vec<(&'static str, &'static str)>, D::Error> {
    let pairs = BTreeMap::<String, String>::deserialize(source)?;
    let leaked = pairs
        .into_iter()
        .map(|(name, value)| (&*name.leak(), &*value.leak()));
    Ok(leaked.collect())
}
