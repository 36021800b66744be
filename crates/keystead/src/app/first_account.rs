//! What a start sees to about people: that passkeys still fit, and the first account where the
//! configuration names one.

use std::{fs, io};

use zeroize::Zeroizing;

use super::StartError;
use crate::{
    config::{Config, InitAdmin},
    people::People,
    store::Email,
};

/// Refuses an address that the passkeys there are don't fit, and makes the first account of
/// `[init]` while there is none.
pub(super) async fn begin(people: &People, config: &Config) -> Result<(), StartError> {
    if let Some(known) = people.store().passkeys_rp_id().await?
        && known != config.server.rp_id
    {
        return Err(StartError::OtherRpId {
            known,
            configured: config.server.rp_id.clone(),
        });
    }
    let Some(admin) = &config.init.admin else {
        return Ok(());
    };
    if people.store().has_accounts().await? {
        return Ok(());
    }
    let email = Email::parse(&admin.email).map_err(|_| StartError::InitEmail)?;
    let password = read(admin).map_err(StartError::InitPassword)?;
    let organization = &config.init.organization;
    if people.found(organization, &email, password).await? {
        tracing::info!("Made the first account, as `init` says");
    }
    Ok(())
}

/// The first line of the file.
fn read(admin: &InitAdmin) -> io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(fs::read_to_string(&admin.password_file)?);
    let line = text.lines().next().unwrap_or_default();
    Ok(Zeroizing::new(line.to_owned()))
}
