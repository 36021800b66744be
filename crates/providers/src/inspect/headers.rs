//! Beta names in headers that switch on what an AddOn must allow.

use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Deserializer, de::Error};

use super::{Facts, rules::matches};
use crate::{
    Operation,
    manifest::{leak_all, leak_map},
};

/// The beta names that one header may carry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beta {
    /// `anthropic-beta`.
    #[serde(deserialize_with = "header_name")]
    header: HeaderName,
    /// Names that change nothing an AddOn cares for; a closing `*` takes dated ones.
    #[serde(deserialize_with = "leak_all")]
    free: Vec<&'static str>,
    /// Names that need a feature.
    #[serde(deserialize_with = "leak_map")]
    gated: Vec<(&'static str, &'static str)>,
}

impl Operation {
    /// Takes in the beta names; those nobody knows count as unknown fields.
    pub fn inspect_headers(&self, headers: &HeaderMap, facts: &mut Facts) {
        for beta in self.betas {
            for line in headers.get_all(&beta.header) {
                let names = line.to_str().unwrap_or("(unreadable)").split(',');
                for name in names.map(str::trim).filter(|name| !name.is_empty()) {
                    beta.learn(name, facts);
                }
            }
        }
    }
}

impl Beta {
    fn learn(&self, name: &str, facts: &mut Facts) {
        let lower = name.to_ascii_lowercase();
        let mut gated = self.gated.iter();
        if let Some((_, feature)) = gated.find(|(pattern, _)| matches(pattern, &lower)) {
            facts.gate(feature, self.header.as_str());
        } else if !self.free.iter().any(|pattern| matches(pattern, &lower)) {
            facts.unknown_field(name);
        }
    }

    /// The features some name here can need.
    pub(crate) fn features(&self) -> impl Iterator<Item = &'static str> {
        self.gated.iter().map(|(_, feature)| *feature)
    }
}

/// Read once, not for every call.
fn header_name<'de, D: Deserializer<'de>>(source: D) -> Result<HeaderName, D::Error> {
    let name = String::deserialize(source)?;
    HeaderName::try_from(name).map_err(D::Error::custom)
}
