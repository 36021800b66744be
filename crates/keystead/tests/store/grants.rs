//! What a person lets an application do, and what comes of it, ends when it is to end.

use std::time::Duration;

use keystead::{
    dpop::Thumbprint,
    ids::{ClientSecretId, CodeId, GrantId},
    store::{Code, Family, Grant, Lookup, NewFamily, NewToken, StoreError},
};
use keystead_vault::{Token, TokenKind};

use crate::{
    bed::{ACTOR, Bed, Furnished, canary},
    on_both_stores,
    tamper::edit,
};

on_both_stores!(
    a_code_comes_to_tokens_once,
    what_is_over_is_swept_and_nothing_else,
    what_belongs_to_an_application_goes_with_it,
    a_grant_that_is_taken_back_ends_what_came_of_it,
    a_family_that_was_revoked_stays_so,
    a_refresh_token_that_was_used_stays_so,
    a_code_that_was_used_stays_so,
    a_grant_that_was_withdrawn_or_narrow_stays_so,
);

/// A grant, and a code of it.
pub(crate) struct Granted {
    grant: Grant,
    code: Code,
    application: keystead::store::Application,
    secret: ClientSecretId,
}

/// What a code came to.
pub(crate) struct Exchanged {
    family: Family,
    access: Token,
    refresh: Token,
}

impl Granted {
    pub(crate) async fn new(bed: &Bed, there: &Furnished) -> Self {
        let (store, application) = (bed.store(), &there.application);
        let account = there.founded.account.id;
        let subject = bed
            .custody
            .subject(application, "account", "", &account.to_string())
            .await
            .unwrap();
        let scope = [there.addon.handle.clone()];
        let grant = store
            .give_grant(ACTOR, application, account, subject, &scope)
            .await
            .unwrap();
        let token = Token::generate(TokenKind::Link);
        let code = Code {
            id: CodeId::new(&bed.clock),
            organization: grant.organization,
            application: grant.application,
            grant: grant.id,
            hash: token.lookup(),
            redirect_uri: "https://app.example/".to_owned(),
            challenge: [7; 32],
            scope: scope.to_vec(),
            key: Some(Thumbprint::from_bytes([8; 32])),
            family: None,
            created_at: bed.clock.now(),
            expires_at: bed.clock.now() + Duration::from_secs(60),
            row_version: 1,
        };
        store.insert_code(&code).await.unwrap();
        Self {
            grant,
            code,
            application: application.clone(),
            secret: there.secret.id,
        }
    }

    pub(crate) fn id(&self) -> GrantId {
        self.grant.id
    }

    fn access(&self, bed: &Bed) -> (Token, NewToken) {
        let access = Token::generate(TokenKind::Access);
        canary("access_token", access.expose().to_owned(), bed);
        let row = NewToken {
            organization: self.grant.organization,
            application: self.grant.application,
            hash: access.lookup(),
            secret: Some(self.secret),
            family: None,
            subject: self.grant.subject,
            scope: self.code.scope.clone(),
            expires_at: bed.clock.now() + Duration::from_secs(600),
            key: Some(Thumbprint::from_bytes([8; 32])),
            is_console: false,
        };
        (access, row)
    }

    /// `None` when the code was used before.
    async fn try_exchange(&self, bed: &Bed) -> Option<Exchanged> {
        let refresh = Token::generate(TokenKind::Refresh);
        canary("refresh_token", refresh.expose().to_owned(), bed);
        let new = NewFamily {
            key: self.code.key,
            expires_at: bed.clock.now() + Duration::from_secs(90 * 86_400),
            refresh: refresh.lookup(),
            refresh_expires_at: bed.clock.now() + Duration::from_secs(30 * 86_400),
        };
        let (access, row) = self.access(bed);
        let family = bed.store().begin_family(&self.code, new, row).await;
        family.unwrap().map(|family| Exchanged {
            family,
            access,
            refresh,
        })
    }

    pub(crate) async fn exchange(&self, bed: &Bed) -> Exchanged {
        self.try_exchange(bed).await.expect("it was not used")
    }

    async fn look_up(&self, bed: &Bed, token: &Token) -> Result<Lookup, StoreError> {
        let client = &self.application.client_id;
        let handle = &self.code.scope[0];
        bed.store().authority(&token.lookup(), client, handle).await
    }

    async fn works(&self, bed: &Bed, token: &Token) -> bool {
        matches!(self.look_up(bed, token).await.unwrap(), Lookup::Found(_))
    }
}

async fn count(bed: &Bed, table: &str) -> String {
    bed.only(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}"))
        .await
}

fn is_tampered<T>(outcome: &Result<T, StoreError>, expected: &str) -> bool {
    matches!(outcome, Err(StoreError::Tampered { table, .. }) if *table == expected)
}

async fn a_code_comes_to_tokens_once(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    assert!(granted.try_exchange(&bed).await.is_none());
    assert!(granted.works(&bed, &one.access).await);
    assert_eq!(count(&bed, "token_families").await, "1");
    let kept = bed.store().code(&granted.code.hash).await.unwrap().unwrap();
    assert_eq!(kept.family, Some(one.family.id));
    assert_eq!(kept.key, granted.code.key);
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn what_is_over_is_swept_and_nothing_else(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    let store = bed.store();
    let rotated = store.refresh_token(&one.refresh.lookup()).await.unwrap();
    let (token, family, _) = rotated.unwrap();
    let next = Token::generate(TokenKind::Refresh);
    let (_, row) = granted.access(&bed);
    let until = bed.clock.now() + Duration::from_secs(200 * 86_400);
    let done = store.rotate_refresh_token((&token, &family), next.lookup(), until, row);
    assert!(done.await.unwrap());
    let (next, ..) = store.refresh_token(&next.lookup()).await.unwrap().unwrap();
    assert_eq!(
        next.expires_at, family.expires_at,
        "none outlives its family"
    );

    store.delete_ended_codes(bed.clock.now()).await.unwrap();
    store.delete_ended_families(bed.clock.now()).await.unwrap();
    assert_eq!(count(&bed, "authorization_codes").await, "1");
    assert_eq!(count(&bed, "refresh_tokens").await, "2");
    bed.clock.advance(Duration::from_secs(61));
    assert_eq!(store.delete_ended_codes(bed.clock.now()).await.unwrap(), 1);
    bed.clock.advance(Duration::from_secs(90 * 86_400));
    assert_eq!(
        store.delete_ended_families(bed.clock.now()).await.unwrap(),
        1
    );
    assert_eq!(count(&bed, "refresh_tokens").await, "0");
    assert_eq!(count(&bed, "grants").await, "1");
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn what_belongs_to_an_application_goes_with_it(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    granted.exchange(&bed).await;
    let application = there.application.id;
    bed.store()
        .delete_application(ACTOR, there.organization, application)
        .await
        .unwrap();
    for table in [
        "grants",
        "authorization_codes",
        "token_families",
        "refresh_tokens",
        "tokens",
    ] {
        assert_eq!(count(&bed, table).await, "0", "{table}");
    }
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn a_grant_that_is_taken_back_ends_what_came_of_it(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    let (store, account) = (bed.store(), there.founded.account.id);
    let mut heard = store.subscribe();
    let stranger = keystead::ids::AccountId::new(&bed.clock);
    let theirs = store
        .withdraw_grant(ACTOR, stranger, granted.grant.id)
        .await;
    assert!(matches!(theirs, Err(StoreError::NotFound { .. })));
    assert!(granted.works(&bed, &one.access).await);
    assert_eq!(store.grants(account).await.unwrap().len(), 1);

    store
        .withdraw_grant(ACTOR, account, granted.grant.id)
        .await
        .unwrap();

    let mut cut = Vec::new();
    while let Ok(change) = heard.try_recv() {
        assert!(change.cut, "{change:?}");
        cut.push(change.object);
    }
    cut.sort();
    let mut expected = vec![one.family.id.to_string(), granted.grant.id.to_string()];
    expected.sort();
    assert_eq!(cut, expected);
    assert!(!granted.works(&bed, &one.access).await);
    assert!(store.grants(account).await.unwrap().is_empty());
    // Given again, it is another: what came of it before stays over.
    let again = Granted::new(&bed, &there).await;
    assert_eq!(again.grant.id, granted.grant.id);
    assert!(!granted.works(&bed, &one.access).await);
    assert_eq!(store.verify_audit().await.unwrap().faults, []);
}

async fn a_family_that_was_revoked_stays_so(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    let family = one.family.id;
    bed.store()
        .revoke_family(ACTOR, there.organization, family, "revoked")
        .await
        .unwrap();
    assert!(!granted.works(&bed, &one.access).await);
    edit(&bed, "UPDATE token_families SET revoked = 0".to_owned()).await;
    assert!(is_tampered(
        &granted.look_up(&bed, &one.access).await,
        "token_families"
    ));
    let found = bed.store().refresh_token(&one.refresh.lookup()).await;
    assert!(is_tampered(&found, "token_families"));
    // Nor does a token that says it came of nothing, or of another family.
    edit(
        &bed,
        "UPDATE tokens SET family_id = NULL WHERE family_id IS NOT NULL".to_owned(),
    )
    .await;
    assert!(is_tampered(
        &granted.look_up(&bed, &one.access).await,
        "tokens"
    ));
}

async fn a_refresh_token_that_was_used_stays_so(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    let store = bed.store();
    let (token, family, _) = store
        .refresh_token(&one.refresh.lookup())
        .await
        .unwrap()
        .unwrap();
    for is_first in [true, false] {
        let next = Token::generate(TokenKind::Refresh).lookup();
        let (_, row) = granted.access(&bed);
        let until = family.expires_at;
        let done = store.rotate_refresh_token((&token, &family), next, until, row);
        assert_eq!(done.await.unwrap(), is_first);
    }
    edit(
        &bed,
        "UPDATE refresh_tokens SET used = 0 WHERE used = 1".to_owned(),
    )
    .await;
    let found = store.refresh_token(&one.refresh.lookup()).await;
    assert!(is_tampered(&found, "refresh_tokens"));
    let faults = store.verify_audit().await.unwrap().faults;
    assert!(
        faults.iter().any(|fault| fault.table == "refresh_tokens"),
        "{faults:?}"
    );
}

async fn a_code_that_was_used_stays_so(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    granted.exchange(&bed).await;
    edit(
        &bed,
        "UPDATE authorization_codes SET family_id = NULL".to_owned(),
    )
    .await;
    let found = bed.store().code(&granted.code.hash).await;
    assert!(is_tampered(&found, "authorization_codes"));
}

async fn a_grant_that_was_withdrawn_or_narrow_stays_so(bed: Bed) {
    let there = bed.furnish().await;
    let granted = Granted::new(&bed, &there).await;
    let one = granted.exchange(&bed).await;
    edit(&bed, "UPDATE grants SET scope = '[]'".to_owned()).await;
    assert!(is_tampered(
        &granted.look_up(&bed, &one.access).await,
        "grants"
    ));
    let subject = &granted.grant.subject;
    let found = bed.store().grant_of(there.application.id, subject).await;
    assert!(is_tampered(&found, "grants"));
}
