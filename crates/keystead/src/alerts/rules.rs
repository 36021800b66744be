//! What an organization says of its alerts.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AlertKind;

/// What an organization says of its alerts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertRules {
    /// After how many days a key is to be rotated.
    #[schema(value_type = u16)]
    pub key_rotation_days: NonZeroU16,
    /// Kinds of alerts that freeze the key or the application that they are about.
    pub freeze_on: Vec<AlertKind>,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            key_rotation_days: NonZeroU16::new(90).expect("ninety is not zero"),
            freeze_on: Vec::new(),
        }
    }
}

impl AlertRules {
    /// As the column holds it; empty for what holds where nothing was said.
    pub(crate) fn to_column(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => serde_json::to_string(self).expect("numbers and words are JSON"),
        }
    }

    /// What a column says; `None` for what was never written there.
    pub(crate) fn of_column(text: &str) -> Option<Self> {
        match text {
            "" => Some(Self::default()),
            text => serde_json::from_str(text).ok(),
        }
    }
}
