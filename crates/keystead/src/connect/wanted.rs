//! Which keys an application wants of its users.

use std::collections::BTreeMap;

use super::{Connect, Holder, KeyGrantView};
use crate::{
    ids::Handle,
    manage::Problem,
    store::{Application, KeySource, is_within},
};

/// A key that an application wants.
#[derive(Clone, Debug)]
pub struct WantedKey {
    /// The provider's name.
    pub provider: String,
    /// The AddOns that would use it.
    pub addons: Vec<Handle>,
    /// Whether one of them does nothing without it.
    pub is_needed: bool,
    /// What the holder lets the application use already.
    pub granted: Option<KeyGrantView>,
}

impl Connect {
    /// The keys that an application wants of someone for these AddOns, or for all where none is named: one
    /// a provider, by name.
    pub async fn wanted_keys(
        &self,
        holder: &Holder,
        application: &Application,
        scope: &[Handle],
    ) -> Result<Vec<WantedKey>, Problem> {
        let mut granted = Vec::new();
        if let Some(vault) = self.vault_of(holder).await? {
            granted = self.grants_of(holder, &vault).await?;
            granted.retain(|grant| grant.application == application.id && grant.id.is_some());
        }
        let mut wanted: BTreeMap<String, WantedKey> = BTreeMap::new();
        for addon in self.addons_of(application).await? {
            let is_asked = is_within(std::slice::from_ref(&addon.handle), scope);
            let Some(provider) = addon.provider.filter(|_| is_asked && !addon.disabled) else {
                continue;
            };
            let of_provider = granted.iter().find(|grant| grant.provider == provider);
            let one = wanted.entry(provider.clone()).or_insert_with(|| WantedKey {
                provider,
                addons: Vec::new(),
                is_needed: false,
                granted: of_provider.cloned(),
            });
            one.addons.push(addon.handle);
            one.is_needed |= addon.key_source == KeySource::User;
        }
        Ok(wanted.into_values().collect())
    }
}
