//! What a form for entering a key has in common, whoever enters it.

use zeroize::Zeroizing;

use crate::{
    connect::NewOwnKey,
    console::{
        Form,
        providers::{Chosen, bare, chosen},
    },
};

/// The key and its address, as they were typed; marks what is missing. `ending` is what the fields' names
/// end with.
pub(in crate::console) fn entered(
    form: &mut Form,
    provider: &str,
    name: &str,
    ending: &str,
) -> Option<NewOwnKey> {
    let (key_field, endpoint_field) = (format!("key{ending}"), format!("endpoint{ending}"));
    let typed: Zeroizing<String> = form.take(&key_field);
    let endpoint = form.filled(&endpoint_field).map(ToOwned::to_owned);
    if chosen(provider).is_some_and(|one| one.needs_endpoint()) && endpoint.is_none() {
        form.mark(&endpoint_field, "Enter the address of your resource");
    }
    if typed.trim().is_empty() {
        form.mark(&key_field, "Enter the key");
        return None;
    }
    Some(NewOwnKey {
        provider: provider.to_owned(),
        name: name.to_owned(),
        endpoint,
        key: bare(&typed).into(),
    })
}

/// What stands below the field of a key.
pub(in crate::console) fn hint(chosen: &Chosen) -> String {
    let looks = chosen.guidance.looks_like;
    format!(
        "It looks like {looks}, and is sealed as soon as it arrives: it can be replaced later, never shown."
    )
}
