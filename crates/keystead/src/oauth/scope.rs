//! Scopes: the AddOns that a token is for, `addon:HANDLE`, or all of the application's.

use super::{OAuth, Refusal};
use crate::{
    ids::Handle,
    store::{AddOn, Application, Page},
};

/// The AddOns that a text names; none stands for all.
pub(super) async fn read(
    oauth: &OAuth,
    application: &Application,
    text: Option<&str>,
) -> Result<Vec<Handle>, Refusal> {
    let wanted = named(text)?;
    if wanted.is_empty() {
        return Ok(wanted);
    }
    let there = addons(oauth, application).await?;
    let is_there = |handle: &Handle| there.iter().any(|addon| addon.handle == *handle);
    match wanted.iter().all(is_there) {
        true => Ok(wanted),
        false => Err(Refusal::InvalidScope),
    }
}

/// The handles that a text names, whether there are such AddOns or not.
pub(super) fn named(text: Option<&str>) -> Result<Vec<Handle>, Refusal> {
    let mut wanted: Vec<Handle> = Vec::new();
    let mut all = false;
    for word in text
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !word.is_empty())
    {
        let handle = word.strip_prefix("addon:").ok_or(Refusal::InvalidScope)?;
        if handle == "*" {
            all = true;
            continue;
        }
        let handle: Handle = handle.parse().map_err(|_| Refusal::InvalidScope)?;
        if !wanted.contains(&handle) {
            wanted.push(handle);
        }
        if wanted.len() > MOST_ADDONS {
            return Err(Refusal::InvalidScope);
        }
    }
    if all && !wanted.is_empty() {
        return Err(Refusal::InvalidScope);
    }
    Ok(wanted)
}

/// Every AddOn of an application.
pub(super) async fn addons(
    oauth: &OAuth,
    application: &Application,
) -> Result<Vec<AddOn>, Refusal> {
    let (tenant, store) = (application.organization, oauth.store());
    let (mut all, mut page) = (Vec::new(), Page::first(200));
    loop {
        let listed = store.addons(tenant, Some(application.id), &page).await?;
        page.after = listed.next();
        all.extend(listed.rows);
        if page.after.is_none() {
            return Ok(all);
        }
    }
}

/// A scope as RFC 6749 writes it.
pub(super) fn written(scope: &[Handle]) -> String {
    if scope.is_empty() {
        return "addon:*".to_owned();
    }
    scope
        .iter()
        .map(|handle| format!("addon:{handle}"))
        .collect::<Vec<_>>()
        .join(" ")
}

const MOST_ADDONS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_is_written_as_all() {
        assert_eq!(written(&[]), "addon:*");
        let handles = ["chat", "alt-text"].map(|handle| handle.parse().unwrap());
        assert_eq!(written(&handles), "addon:chat addon:alt-text");
    }
}
