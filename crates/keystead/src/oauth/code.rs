//! `authorization_code`: a code, and what only the client that asked for it can know (RFC 7636).

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use keystead_vault::{Token, TokenKind, token_hash};

use super::{
    Refusal,
    minted::{DEFAULT_LIFE, FAMILY_LASTS, Minted, REFRESH_LASTS},
    request::TokenRequest,
};
use crate::{
    alerts::{AlertKind, Finding},
    audit::Actor,
    dpop::Thumbprint,
    store::{Code, NewFamily},
};

pub(super) async fn issue(request: &TokenRequest<'_>) -> Result<Minted, Refusal> {
    let wanted =
        |name: &'static str, text| request.form.get(name).ok_or(Refusal::InvalidRequest(text));
    let code = wanted("code", "`code` is missing")?;
    let verifier = wanted("code_verifier", "`code_verifier` is missing")?;
    let redirect_uri = wanted("redirect_uri", "`redirect_uri` is missing")?;
    let code = find(request, code).await?;
    let is_fine = request.now() < code.expires_at
        && code.redirect_uri == redirect_uri
        && is_verifier(verifier, &code.challenge);
    if !is_fine {
        return Err(Refusal::InvalidGrant);
    }
    if code.key.is_some() && code.key != request.key() {
        return Err(Refusal::InvalidProof(
            "the code was asked for with another key",
        ));
    }
    let grant = request.store().grant(code.grant).await?;
    let grant = grant.filter(|grant| grant.covers(&code.scope));
    let grant = grant.ok_or(Refusal::InvalidGrant)?;
    if !request.is_of_a_live_account(&grant).await? {
        return Err(Refusal::InvalidGrant);
    }

    request.spend_proof().await?;
    let refresh = Token::generate(TokenKind::Refresh);
    let family = NewFamily {
        key: bound_to(request),
        expires_at: request.now() + FAMILY_LASTS,
        refresh: refresh.lookup(),
        refresh_expires_at: request.now() + REFRESH_LASTS,
    };
    let (minted, row) = Minted::access(request, grant.subject, code.scope.clone(), DEFAULT_LIFE);
    match request.store().begin_family(&code, family, row).await? {
        Some(_) => Ok(Minted {
            refresh: Some(refresh),
            ..minted
        }),
        None => {
            used_again(request, &code).await?;
            Err(Refusal::InvalidGrant)
        }
    }
}

/// The code, if it is this client's and nobody has used it.
async fn find(request: &TokenRequest<'_>, text: &str) -> Result<Code, Refusal> {
    let Some((TokenKind::Link, hash)) = token_hash(text) else {
        return Err(Refusal::InvalidGrant);
    };
    let code = request.store().code(&hash).await?;
    let code = code.filter(|code| code.application == request.client.application.id);
    let code = code.ok_or(Refusal::InvalidGrant)?;
    if code.family.is_some() {
        used_again(request, &code).await?;
        return Err(Refusal::InvalidGrant);
    }
    Ok(code)
}

/// Two have the code, and nothing tells which of them is a thief: what came of it ends.
async fn used_again(request: &TokenRequest<'_>, code: &Code) -> Result<(), Refusal> {
    let store = request.store();
    // Of two who came at once, the other may have used it since it was read.
    let used = store.code(&code.hash).await?.and_then(|code| code.family);
    if let Some(family) = used {
        store.raise(
            Finding::new(AlertKind::CodeUsedTwice, "oauth", &code.application)
                .within(code.organization),
        );
        store
            .revoke_family(
                Actor::Keystead,
                code.organization,
                family,
                "code_used_twice",
            )
            .await?;
    }
    Ok(())
}

/// A client that can't keep a secret renews its tokens with its key in hand; one that can has the secret
/// for that (RFC 9449, part 5).
pub(super) fn bound_to(request: &TokenRequest<'_>) -> Option<Thumbprint> {
    request.key().filter(|_| request.client.secret.is_none())
}

/// RFC 7636, part 4.6, by S256 alone.
fn is_verifier(verifier: &str, challenge: &[u8; 32]) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(plain)
        && verify_slices_are_equal(hash.as_ref(), challenge).is_ok()
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn a_verifier_is_what_the_challenge_is_the_hash_of() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = URL_SAFE_NO_PAD.decode("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let challenge: [u8; 32] = challenge.unwrap().try_into().unwrap();
        assert!(is_verifier(verifier, &challenge));
        assert!(!is_verifier(&verifier.to_lowercase(), &challenge));
        // As `plain` would have it: the challenge itself.
        assert!(!is_verifier(
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            &challenge
        ));
        let short = digest::digest(&digest::SHA256, b"short");
        assert!(!is_verifier("short", short.as_ref().try_into().unwrap()));
    }
}
