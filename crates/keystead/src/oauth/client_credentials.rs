//! `client_credentials`: a host's backend asks on behalf of its user, whom it names by `uid`.

use super::{Refusal, minted::Minted, request::TokenRequest, scope};

pub(super) async fn issue(request: &TokenRequest<'_>) -> Result<Minted, Refusal> {
    let application = &request.client.application;
    // A public client can't vouch for anybody.
    if request.client.secret.is_none() {
        return Err(Refusal::UnauthorizedClient);
    }
    let uid = request
        .form
        .get("uid")
        .filter(|uid| is_uid(uid))
        .ok_or(Refusal::InvalidUid)?;
    let life = request.life()?;
    let scope = scope::read(request.oauth, application, request.form.get("scope")).await?;
    let custody = &request.oauth.0.custody;
    let subject = custody.subject(application, "host", "", uid).await?;
    request.spend_proof().await?;
    let (minted, row) = Minted::access(request, subject, scope, life);
    request.store().mint_token(row).await?;
    Ok(minted)
}

/// What the host calls its user. It must not be personal data; that, only the host can see to.
pub(super) fn is_uid(text: &str) -> bool {
    (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_any_short_plain_text() {
        for (uid, fine) in [
            ("7f3a", true),
            ("ünï code", true),
            (&*"é".repeat(128), true),
            (&*"a".repeat(129), false),
            ("", false),
            ("a\nb", false),
            ("a\u{85}b", false),
        ] {
            assert_eq!(is_uid(uid), fine, "{uid:?}");
        }
    }
}
