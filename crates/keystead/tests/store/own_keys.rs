//! A person's own key is theirs: nobody else's people see, open or change it, and it is used where they
//! said so and nowhere else.

use std::time::Duration;

use keystead::{
    custody::{CustodyError, NewOwnKey},
    store::{
        AddOn, Application, Authority, GrantTerms, Key, KeyGrant, KeyGrantChange, KeySource,
        KeyStatus, Lookup, NewAddOn, NewApplication, NewKeyGrant, StoreError, Vault, VaultHolder,
    },
};
use keystead_providers::{Destination, Scheme};
use keystead_vault::{SubjectHash, Token, random};

use crate::{
    bed::{ACTOR, Bed, Furnished, canary, hex, new_addon, provider_key},
    on_both_stores,
};

on_both_stores!(
    an_own_key_is_unknown_to_every_organization,
    a_grant_counts_for_its_subject_application_and_provider,
    one_key_serves_two_applications_until_it_is_taken_from_one,
    what_is_edited_behind_our_back_is_refused,
    an_application_goes_with_its_own_users_vaults,
);

/// An end user of the bed's application, with an AddOn that wants their key.
pub(crate) struct Own {
    pub(crate) holder: VaultHolder,
    pub(crate) vault: Vault,
    pub(crate) key: Key,
    pub(crate) plaintext: String,
}

impl Own {
    pub(crate) async fn new(bed: &Bed, holder: VaultHolder) -> Self {
        let vault = bed.custody.vault_for(ACTOR, holder).await.unwrap();
        let (key, plaintext) = add(bed, &vault).await;
        Self {
            holder,
            vault,
            key,
            plaintext,
        }
    }

    /// Another key in the vault, as it was when this was made.
    pub(crate) async fn add(&self, bed: &Bed) {
        add(bed, &self.vault).await;
    }

    pub(crate) async fn give(
        &self,
        bed: &Bed,
        application: &Application,
        subject: SubjectHash,
    ) -> KeyGrant {
        let new = NewKeyGrant {
            organization: application.organization,
            application: application.id,
            subject,
            vault: self.vault.id,
            key: self.key.id,
            terms: GrantTerms {
                models: vec!["gpt-5".to_owned()],
                budgets: vec!["100 requests/month".parse().unwrap()],
                ends_at: Some(bed.clock.now() + Duration::from_secs(86_400)),
            },
        };
        bed.store().give_key_grant(ACTOR, new).await.unwrap()
    }
}

async fn add(bed: &Bed, vault: &Vault) -> (Key, String) {
    let plaintext = canary("own_key", format!("sk-own-{}", hex(random::<20>())), bed);
    let new = NewOwnKey {
        provider: "openai".to_owned(),
        name: "mine".to_owned(),
        destination: Destination {
            scheme: Scheme::Https,
            host: "api.openai.com".to_owned(),
            port: 443,
            prefix: String::new(),
        },
        explicit_endpoint: false,
        key: provider_key(&plaintext),
        status: KeyStatus::Valid,
    };
    let key = bed.custody.add_own_key(ACTOR, vault, new).await.unwrap();
    (key, plaintext)
}

/// An AddOn that works with its users' own keys.
pub(crate) async fn wanting(
    bed: &Bed,
    application: &Application,
    handle: &str,
    provider: &str,
) -> AddOn {
    let new = NewAddOn {
        application: application.id,
        handle: handle.parse().unwrap(),
        kind: keystead_providers::AddOnType::Text,
        key: None,
        key_source: KeySource::User,
        provider: Some(provider.to_owned()),
        models: Vec::new(),
        operations: keystead::store::Operations::Default,
        allow: Vec::new(),
        strict: false,
        limits: keystead::limits::RowLimits::default(),
    };
    bed.store()
        .install_addon(ACTOR, application.organization, new)
        .await
        .unwrap()
}

pub(crate) async fn look_up(
    bed: &Bed,
    application: &Application,
    token: &Token,
    handle: &str,
) -> Result<Authority, StoreError> {
    let handle = handle.parse().unwrap();
    let found = bed
        .store()
        .authority(&token.lookup(), &application.client_id, &handle)
        .await?;
    match found {
        Lookup::Found(authority) => Ok(*authority),
        Lookup::Unknown => panic!("an unknown token"),
    }
}

pub(crate) async fn subject_of(bed: &Bed, there: &Furnished) -> SubjectHash {
    let found = look_up(bed, &there.application, &there.token, "chat").await;
    found.unwrap().token.subject
}

async fn holder_of(bed: &Bed, there: &Furnished) -> VaultHolder {
    VaultHolder::Subject {
        organization: there.organization,
        application: there.application.id,
        subject: subject_of(bed, there).await,
    }
}

pub(crate) async fn assert_sound(bed: &Bed) {
    assert_eq!(bed.store().verify_audit().await.unwrap().faults, []);
}

async fn opens(bed: &Bed, own: &Own) {
    let opened = bed
        .custody
        .open_key(ACTOR, own.vault.id, own.key.id, "test");
    assert_eq!(opened.await.unwrap().key.expose(), own.plaintext);
}

async fn an_own_key_is_unknown_to_every_organization(bed: Bed) {
    let there = bed.furnish().await;
    let own = Own::new(&bed, holder_of(&bed, &there).await).await;
    opens(&bed, &own).await;
    let again = bed.custody.vault_for(ACTOR, own.holder).await.unwrap();
    assert_eq!(again.id, own.vault.id, "one vault each");

    let (store, organization, id) = (bed.store(), there.organization, own.key.id);
    let unknown = |outcome: Result<(), StoreError>| {
        assert!(
            matches!(outcome, Err(StoreError::NotFound { .. })),
            "{outcome:?}"
        );
    };
    unknown(store.key(organization, id).await.map(drop));
    unknown(store.delete_key(ACTOR, organization, id).await);
    for disabled in [true, false] {
        let set = store.set_key_disabled(ACTOR, organization, id, disabled);
        unknown(set.await.map(drop));
    }
    unknown(
        store
            .change_key(
                ACTOR,
                organization,
                id,
                keystead::store::KeyChange::default(),
            )
            .await
            .map(drop),
    );
    let status = store.set_key_status(organization, id, KeyStatus::Wrong);
    unknown(status.await);
    let named = store.keys_with_ids(organization, &[id]).await.unwrap();
    assert!(named.is_empty());
    let versions = store.key_versions(organization, id).await.unwrap();
    assert!(versions.is_empty());
    for opened in [
        bed.custody.open_key(ACTOR, organization, id, "test").await,
        bed.custody
            .open_key(ACTOR, own.vault.id, there.key.id, "test")
            .await,
    ] {
        let refused = matches!(
            opened,
            Err(CustodyError::Store(StoreError::NotFound { .. }))
        );
        assert!(refused, "{opened:?}");
    }
    let rotated = bed.custody.rotate_key(
        ACTOR,
        organization,
        id,
        provider_key("sk-not-theirs"),
        KeyStatus::Valid,
        Duration::ZERO,
    );
    assert!(rotated.await.is_err());
    // Nor can an AddOn name it.
    let named = NewAddOn {
        key: Some(id),
        ..new_addon(&there.application, &there.key, "stolen")
    };
    let installed = store.install_addon(ACTOR, organization, named).await;
    unknown(installed.map(drop));
    // What happens to it is in no organization's log.
    let logged = "SELECT CAST(COUNT(*) AS TEXT) FROM audit_events WHERE organization_id IS NOT NULL
        AND object = ";
    let count = bed.only(&format!("{logged}'{id}'")).await;
    assert_eq!(count, "0");
    opens(&bed, &own).await;
    assert_sound(&bed).await;
}

async fn a_grant_counts_for_its_subject_application_and_provider(bed: Bed) {
    let there = bed.furnish().await;
    wanting(&bed, &there.application, "own", "openai").await;
    wanting(&bed, &there.application, "foreign", "deepl").await;
    let own = Own::new(&bed, holder_of(&bed, &there).await).await;
    let subject = subject_of(&bed, &there).await;
    let before = look_up(&bed, &there.application, &there.token, "own").await;
    assert!(before.unwrap().own.is_none());

    let grant = own.give(&bed, &there.application, subject).await;
    let found = look_up(&bed, &there.application, &there.token, "own").await;
    let found = found.unwrap().own.expect("the grant");
    assert_eq!(found.grant.id, grant.id);
    assert_eq!(found.key.expect("the key").id, own.key.id);
    for handle in ["foreign", "chat"] {
        let found = look_up(&bed, &there.application, &there.token, handle).await;
        assert!(found.unwrap().own.is_none(), "{handle}");
    }
    let other = bed.mint(&there.application, &there.secret).await;
    let found = look_up(&bed, &there.application, &other, "own").await;
    assert!(found.unwrap().own.is_none(), "another subject");

    let (store, vault) = (bed.store(), own.vault.id);
    let pause = KeyGrantChange {
        paused: Some(true),
        ..KeyGrantChange::default()
    };
    store
        .change_key_grant(ACTOR, vault, grant.id, pause)
        .await
        .unwrap();
    let found = look_up(&bed, &there.application, &there.token, "own").await;
    assert!(
        found.unwrap().own.unwrap().grant.paused,
        "and none in its place"
    );
    // Another vault's holder has no say in it.
    let account = VaultHolder::Account(there.founded.account.id);
    let stranger = Own::new(&bed, account).await;
    let withdrawn = store
        .withdraw_key_grant(ACTOR, stranger.vault.id, grant.id)
        .await;
    assert!(matches!(withdrawn, Err(StoreError::NotFound { .. })));
    let taken = NewKeyGrant {
        organization: there.organization,
        application: there.application.id,
        subject,
        vault: stranger.vault.id,
        key: own.key.id,
        terms: GrantTerms::default(),
    };
    let taken = store.give_key_grant(ACTOR, taken).await;
    assert!(matches!(taken, Err(StoreError::NotFound { .. })));

    store
        .withdraw_key_grant(ACTOR, vault, grant.id)
        .await
        .unwrap();
    let found = look_up(&bed, &there.application, &there.token, "own").await;
    assert!(found.unwrap().own.is_none());
    assert!(store.key_grants(vault).await.unwrap().is_empty());
    assert_sound(&bed).await;
}

async fn one_key_serves_two_applications_until_it_is_taken_from_one(bed: Bed) {
    let there = bed.furnish().await;
    let new = NewApplication {
        name: "Another".to_owned(),
        ..NewApplication::default()
    };
    let (another, secret) = bed
        .custody
        .create_application(ACTOR, there.organization, new)
        .await
        .unwrap();
    let secret = secret.unwrap().0;
    let token = bed.mint(&another, &secret).await;
    for application in [&there.application, &another] {
        wanting(&bed, application, "own", "openai").await;
    }
    let own = Own::new(&bed, VaultHolder::Account(there.founded.account.id)).await;
    let first = subject_of(&bed, &there).await;
    let second = look_up(&bed, &another, &token, "own").await.unwrap();
    let grant = own.give(&bed, &there.application, first).await;
    own.give(&bed, &another, second.token.subject).await;
    let uses = async |application, token| {
        let found = look_up(&bed, application, token, "own").await.unwrap();
        found.own.is_some_and(|own| own.key.is_some())
    };
    assert!(uses(&there.application, &there.token).await);
    assert!(uses(&another, &token).await);

    bed.store()
        .withdraw_key_grant(ACTOR, own.vault.id, grant.id)
        .await
        .unwrap();
    assert!(!uses(&there.application, &there.token).await);
    assert!(uses(&another, &token).await);

    bed.store()
        .delete_own_key(ACTOR, own.vault.id, own.key.id)
        .await
        .unwrap();
    assert!(!uses(&another, &token).await);
    for table in ["key_slots", "key_versions", "version_slots"] {
        let id = own.key.id;
        let left = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE key_id = '{id}'");
        assert_eq!(bed.only(&left).await, "0", "{table}");
    }
    assert_sound(&bed).await;
}

async fn what_is_edited_behind_our_back_is_refused(bed: Bed) {
    let there = bed.furnish().await;
    wanting(&bed, &there.application, "own", "openai").await;
    let own = Own::new(&bed, holder_of(&bed, &there).await).await;
    let stranger = Own::new(&bed, VaultHolder::Account(there.founded.account.id)).await;
    let subject = subject_of(&bed, &there).await;
    own.give(&bed, &there.application, subject).await;
    let (id, vault) = (own.key.id, own.vault.id);
    let (others, other_vault) = (stranger.key.id, stranger.vault.id);
    let organization = there.organization;
    for edit in [
        "UPDATE key_grants SET budgets = '[]'".to_owned(),
        "UPDATE key_grants SET models = '[]'".to_owned(),
        "UPDATE key_grants SET ends_at = NULL".to_owned(),
        "UPDATE key_grants SET paused = 1".to_owned(),
        "UPDATE key_grants SET withdrawn = 1".to_owned(),
        format!("UPDATE key_grants SET key_id = '{others}', vault_id = '{other_vault}'"),
        format!("UPDATE keys SET vault_id = '{other_vault}' WHERE id = '{id}'"),
        format!("UPDATE keys SET host = 'evil.example' WHERE id = '{id}'"),
    ] {
        let table = match edit.contains("key_grants") {
            true => "key_grants",
            false => "keys",
        };
        bed.behind_its_back(&format!("CREATE TABLE kept AS SELECT * FROM {table}"))
            .await;
        bed.behind_its_back(&edit).await;
        let found = look_up(&bed, &there.application, &there.token, "own").await;
        let opened = bed.custody.open_key(ACTOR, vault, id, "test").await;
        let refused = matches!(found, Err(StoreError::Tampered { .. }));
        // A key that was moved out of its vault is not found there any more, and nowhere else either.
        let gone = found.is_ok_and(|found| found.own.is_some_and(|own| own.key.is_none()));
        assert!(refused || (gone && opened.is_err()), "{edit}");
        let moved = bed.custody.open_key(ACTOR, other_vault, id, "test").await;
        assert!(moved.is_err(), "{edit}");
        for column in columns(table) {
            bed.behind_its_back(&format!(
                "UPDATE {table} SET {column} = (SELECT k.{column} FROM kept k WHERE k.id = {table}.id)"
            ))
            .await;
        }
        bed.behind_its_back("DROP TABLE kept").await;
        opens(&bed, &own).await;
    }
    // An organization's key record, or another vault's, in this vault's place.
    for record in [
        format!("(SELECT key_record FROM organizations WHERE id = '{organization}')"),
        format!("(SELECT key_record FROM vaults WHERE id = '{other_vault}')"),
    ] {
        bed.behind_its_back("CREATE TABLE kept AS SELECT * FROM vaults")
            .await;
        bed.behind_its_back(&format!(
            "UPDATE vaults SET key_record = {record} WHERE id = '{vault}'"
        ))
        .await;
        let opened = bed.custody.open_key(ACTOR, vault, id, "test").await;
        assert!(
            matches!(
                opened,
                Err(CustodyError::Store(StoreError::Tampered { .. }))
            ),
            "{opened:?}"
        );
        bed.behind_its_back(
            "UPDATE vaults SET key_record = (SELECT k.key_record FROM kept k WHERE k.id = vaults.id)",
        )
        .await;
        bed.behind_its_back("DROP TABLE kept").await;
    }
    opens(&bed, &own).await;
    assert_sound(&bed).await;
}

fn columns(table: &str) -> &'static [&'static str] {
    match table {
        "key_grants" => &[
            "budgets",
            "models",
            "ends_at",
            "paused",
            "withdrawn",
            "key_id",
            "vault_id",
        ],
        _ => &["vault_id", "host"],
    }
}

async fn an_application_goes_with_its_own_users_vaults(bed: Bed) {
    let there = bed.furnish().await;
    wanting(&bed, &there.application, "own", "openai").await;
    let own = Own::new(&bed, holder_of(&bed, &there).await).await;
    let kept = Own::new(&bed, VaultHolder::Account(there.founded.account.id)).await;
    let subject = subject_of(&bed, &there).await;
    own.give(&bed, &there.application, subject).await;
    bed.store()
        .delete_application(ACTOR, there.organization, there.application.id)
        .await
        .unwrap();
    assert!(bed.store().vault_of(&own.holder).await.unwrap().is_none());
    let opened = bed
        .custody
        .open_key(ACTOR, own.vault.id, own.key.id, "test");
    assert!(opened.await.is_err());
    opens(&bed, &kept).await;
    assert_sound(&bed).await;
}
