//! One-time codes and recovery codes: each is good for one sign-in.

use aws_lc_rs::hmac;
use keystead::{
    people::{Checked, NotProven, Proven},
    store::{OrganizationChange, SignInMethod, SignedIn, Weakness},
};

use super::{Crowd, proven};
use crate::{
    bed::{Bed, canary},
    on_both_stores,
    tamper::{assert_alert, edit},
};

on_both_stores!(
    an_enrolled_account_is_asked_for_a_code,
    a_code_is_taken_once,
    a_recovery_code_is_taken_once,
    an_enrolment_is_another_accounts_or_the_same_twice_for_nobody,
    a_ticket_that_was_edited_or_lay_too_long_is_worth_nothing,
    guessing_codes_gets_slower,
    a_last_step_that_was_put_back_is_refused,
    recovery_codes_that_were_edited_are_refused,
    a_member_without_a_second_factor_is_known_where_one_is_asked_for,
    a_member_without_a_second_factor_is_in_the_security_report,
);

async fn an_enrolled_account_is_asked_for_a_code(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let ticket = wants_code(&crowd).await;
    crowd.wait(30);
    let code = enrolled.code(&crowd);
    let found = crowd.people.check_code(&ticket, &code).await.unwrap();
    assert_eq!(found.account, owner.account.id);
    assert_eq!(found.method, SignInMethod::PasswordAndCode);
    let again = crowd.people.check_code(&ticket, &code).await;
    assert!(is_no(&again), "ticket and code were used");

    let fresh = crowd.step_up(&owner).await;
    crowd.people.remove_totp(&fresh).await.unwrap();
    proven(crowd.try_password(&crowd.email, &crowd.password).await);
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_member_without_a_second_factor_is_in_the_security_report(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let store = crowd.bed.store();
    let told = async || {
        let organization = store.organization(owner.session.organization).await;
        let found = store.weaknesses(&organization.unwrap()).await.unwrap();
        let of = found
            .into_iter()
            .find(|(one, _)| *one == Weakness::NoSecondFactor);
        of.unwrap().1
    };
    assert_eq!(told().await, [owner.account.id.to_string()]);
    enrol(&crowd, &owner).await;
    assert_eq!(told().await, [""; 0]);
}

async fn a_code_is_taken_once(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let ticket = wants_code(&crowd).await;
    let replayed = crowd.people.check_code(&ticket, &enrolled.first).await;
    assert!(matches!(replayed, Err(NotProven::Wrong)), "it enrolled");
    crowd.wait(30);
    let code = enrolled.code(&crowd);
    crowd.people.check_code(&ticket, &code).await.unwrap();
    let ticket = wants_code(&crowd).await;
    let replayed = crowd.people.check_code(&ticket, &code).await;
    assert!(matches!(replayed, Err(NotProven::Wrong)));
    // The one before it, though its time is not over yet.
    crowd.wait(30);
    let replayed = crowd.people.check_code(&ticket, &code).await;
    assert!(matches!(replayed, Err(NotProven::Wrong)));
    crowd
        .people
        .check_code(&ticket, &enrolled.code(&crowd))
        .await
        .unwrap();
}

async fn a_recovery_code_is_taken_once(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    assert_eq!(enrolled.recovery.len(), 10);
    let ticket = wants_code(&crowd).await;
    let code = enrolled.recovery[3].to_uppercase();
    let found = crowd.people.check_code(&ticket, &code).await.unwrap();
    assert_eq!(found.method, SignInMethod::PasswordAndRecoveryCode);
    let ticket = wants_code(&crowd).await;
    let again = crowd.people.check_code(&ticket, &code).await;
    assert!(matches!(again, Err(NotProven::Wrong)));
    crowd
        .people
        .check_code(&ticket, &enrolled.recovery[4])
        .await
        .unwrap();
    let left = crowd
        .people
        .credentials(&owner)
        .await
        .unwrap()
        .recovery_codes;
    assert_eq!(left, Some(8));

    let owner = crowd.step_up(&owner).await;
    crowd.people.make_recovery_codes(&owner).await.unwrap();
    let ticket = wants_code(&crowd).await;
    let old = crowd
        .people
        .check_code(&ticket, &enrolled.recovery[5])
        .await;
    assert!(matches!(old, Err(NotProven::Wrong)), "replaced");
    assert_eq!(crowd.bed.store().verify_audit().await.unwrap().faults, []);
}

async fn an_enrolment_is_another_accounts_or_the_same_twice_for_nobody(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let began = crowd.people.begin_totp(&owner).await.unwrap();
    let wrong = crowd
        .people
        .enrol_totp(&owner, &began.ticket, "000000")
        .await;
    assert!(matches!(wrong, Err(NotProven::Wrong)));
    let code = code_now(&crowd, &secret_of(&began.secret), 0);
    crowd
        .people
        .enrol_totp(&owner, &began.ticket, &code)
        .await
        .unwrap();
    let twice = crowd.people.enrol_totp(&owner, &began.ticket, &code).await;
    assert!(matches!(twice, Err(NotProven::Expired)));
}

async fn a_ticket_that_was_edited_or_lay_too_long_is_worth_nothing(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let ticket = wants_code(&crowd).await;
    crowd.wait(30);
    let code = enrolled.code(&crowd);
    let edited = format!("{}A{}", &ticket[..20], &ticket[21..]);
    for (name, text) in [
        ("edited", edited.as_str()),
        ("cut", &ticket[..ticket.len() - 3]),
        ("none", ""),
        ("no tag", ticket.split('.').next().unwrap()),
    ] {
        let refused = crowd.people.check_code(text, &code).await;
        assert!(matches!(refused, Err(NotProven::Expired)), "{name}");
    }
    crowd.wait(10 * 60);
    let late = crowd
        .people
        .check_code(&ticket, &enrolled.code(&crowd))
        .await;
    assert!(matches!(late, Err(NotProven::Expired)));
    // One that was made for something else.
    let (other, _) = crowd.people.ask_for_passkey().unwrap();
    let refused = crowd
        .people
        .check_code(&other, &enrolled.code(&crowd))
        .await;
    assert!(matches!(refused, Err(NotProven::Expired)));
}

async fn guessing_codes_gets_slower(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let ticket = wants_code(&crowd).await;
    let mut waits = 0;
    for _ in 0..12 {
        match crowd.people.check_code(&ticket, "000000").await {
            Err(NotProven::Wrong) => {}
            Err(NotProven::Wait(_)) => waits += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(waits >= 6, "{waits}");
    crowd.wait(300);
    crowd
        .people
        .check_code(&ticket, &enrolled.code(&crowd))
        .await
        .unwrap();
}

async fn a_last_step_that_was_put_back_is_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let row = crowd.bed.only("SELECT id FROM totps").await;
    edit(&crowd.bed, "UPDATE totps SET last_step = 0".to_owned()).await;
    let ticket = wants_code_or_error(&crowd).await;
    match ticket {
        Err(NotProven::Custody(keystead::custody::CustodyError::Store(error))) => {
            assert_alert(&crowd.bed, error, "totps", row).await;
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(enrolled.recovery.len(), 10);
}

/// A code that was used is put back, and codes of one's own are put in.
async fn recovery_codes_that_were_edited_are_refused(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    let enrolled = enrol(&crowd, &owner).await;
    let row = crowd.bed.only("SELECT id FROM recovery_codes").await;
    let all = crowd.bed.only("SELECT hashes FROM recovery_codes").await;
    let ticket = wants_code(&crowd).await;
    let code = &enrolled.recovery[3];
    crowd.people.check_code(&ticket, code).await.unwrap();
    let left = crowd.bed.only("SELECT hashes FROM recovery_codes").await;
    assert_ne!(left, all);
    for hashes in [all, format!("[\"{}\"]", "0".repeat(64))] {
        let statement = format!("UPDATE recovery_codes SET hashes = '{hashes}'");
        edit(&crowd.bed, statement).await;
        let ticket = wants_code(&crowd).await;
        match crowd.people.check_code(&ticket, code).await {
            Err(NotProven::Custody(keystead::custody::CustodyError::Store(error))) => {
                assert_alert(&crowd.bed, error, "recovery_codes", &row).await;
            }
            other => panic!("{other:?}"),
        }
    }
    // What is not edited is taken again.
    let statement = format!("UPDATE recovery_codes SET hashes = '{left}'");
    edit(&crowd.bed, statement).await;
    let ticket = wants_code(&crowd).await;
    let other = &enrolled.recovery[4];
    crowd.people.check_code(&ticket, other).await.unwrap();
}

async fn a_member_without_a_second_factor_is_known_where_one_is_asked_for(bed: Bed) {
    let (crowd, owner) = Crowd::one(bed).await;
    assert!(!owner.lacks_second_factor());
    let store = crowd.bed.store();
    let change = OrganizationChange {
        require_second_factor: Some(true),
        ..OrganizationChange::default()
    };
    store
        .update_organization(owner.actor(), owner.organization.id, change)
        .await
        .unwrap();
    assert!(crowd.again(&owner).await.unwrap().lacks_second_factor());
    let enrolled = enrol(&crowd, &owner).await;
    let ticket = wants_code(&crowd).await;
    crowd.wait(30);
    let found = crowd
        .people
        .check_code(&ticket, &enrolled.code(&crowd))
        .await;
    let (_, token) = crowd.sign_in(found.unwrap()).await;
    assert!(!crowd.look(&token).await.unwrap().lacks_second_factor());
    edit(
        &crowd.bed,
        "UPDATE organizations SET require_second_factor = 0".to_owned(),
    )
    .await;
    let seen = crowd.people.signed_in(&token.lookup()).await;
    assert_alert(
        &crowd.bed,
        seen.unwrap_err(),
        "organizations",
        owner.organization.id,
    )
    .await;
}

/// One-time codes that an account has.
pub(super) struct Enrolled {
    secret: Vec<u8>,
    first: String,
    recovery: Vec<String>,
}

impl Enrolled {
    fn code(&self, crowd: &Crowd) -> String {
        code_now(crowd, &self.secret, 0)
    }
}

pub(super) async fn enrol(crowd: &Crowd, signed_in: &SignedIn) -> Enrolled {
    let began = crowd.people.begin_totp(signed_in).await.unwrap();
    canary("totp", began.secret.replace(' ', ""), &crowd.bed);
    assert!(began.address.starts_with("otpauth://totp/localhost:"));
    let secret = secret_of(&began.secret);
    let first = code_now(crowd, &secret, 0);
    let codes = crowd
        .people
        .enrol_totp(signed_in, &began.ticket, &first)
        .await
        .unwrap();
    let recovery = codes.iter().map(|code| code.expose().to_string());
    let recovery: Vec<_> = recovery
        .map(|code| canary("recovery_code", code, &crowd.bed))
        .collect();
    Enrolled {
        secret,
        first,
        recovery,
    }
}

async fn wants_code(crowd: &Crowd) -> String {
    match wants_code_or_error(crowd).await {
        Ok(Checked::WantsCode(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

async fn wants_code_or_error(crowd: &Crowd) -> Result<Checked, NotProven> {
    crowd.try_password(&crowd.email, &crowd.password).await
}

fn is_no(outcome: &Result<Proven, NotProven>) -> bool {
    matches!(outcome, Err(NotProven::Wrong | NotProven::Expired))
}

/// RFC 6238, written down a second time.
fn code_now(crowd: &Crowd, secret: &[u8], later: i64) -> String {
    let step = crowd.bed.clock.now().as_secs() / 30 + later;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let hash = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(hash.as_ref()[19] & 15);
    let four = hash.as_ref()[at..at + 4].try_into().unwrap();
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

fn secret_of(text: &str) -> Vec<u8> {
    let mut bits = 0_u64;
    let mut count = 0;
    let mut secret = Vec::new();
    for letter in text.chars().filter(|letter| *letter != ' ') {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let value = alphabet.find(letter).expect("base32");
        bits = bits << 5 | u64::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            secret.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    secret
}
