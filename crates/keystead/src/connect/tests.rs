//! A host's user brings a key by a link: from the host's request to its word, and every way in which nothing
//! comes of it.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use keystead_providers::{AddOnType, CheckOutcome, Destination, Provider};
use keystead_vault::ProviderKey;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::*;
use crate::{
    clock::Clock,
    config::{self, Sources},
    ids::KeyId,
    limits::{Limits, RowLimits},
    manage::{Asked, KeyChecker, SecretText},
    root::RootKeySource,
    store::{
        Access, Application, KeySource, NewAddOn, NewApplication, Operations, Store, StoreUrl,
    },
};

const BACK: &str = "https://app.example/back?from=keystead";

/// A provider that says what the test wants.
#[derive(Debug)]
struct Says(Mutex<CheckOutcome>);

impl KeyChecker for Says {
    fn admit<'a>(
        &'a self,
        _: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }

    fn ask<'a>(
        &'a self,
        _: &'static dyn Provider,
        _: &'a ProviderKey,
        _: &'a Destination,
    ) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        Box::pin(async { Asked::Said(self.0.lock().clone()) })
    }
}

struct Bed {
    connect: Connect,
    application: Application,
    another: Application,
    clock: Clock,
    says: Arc<Says>,
    folder: PathBuf,
}

impl Drop for Bed {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bed {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("keystead-connect-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let flags = [("server.data_dir".to_owned(), folder.display().to_string())].into();
        let sources = Sources {
            flags,
            ..Sources::default()
        };
        let config = config::resolve(&sources).unwrap().config;
        let clock = Clock::standing_at(crate::clock::Timestamp::from_micros(1_790_000_000_000_000));
        let url = StoreUrl::Sqlite(folder.join("db/keystead.db"));
        let store = Store::open(&url, Access::Write, clock.clone())
            .await
            .unwrap();
        let source = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store, &source).await.unwrap();
        let made = custody.create_organization(Actor::Operator, "Org").await;
        let organization = made.unwrap().id;
        let mut made = Vec::new();
        for name in ["Shop", "Another"] {
            let new = NewApplication {
                name: name.to_owned(),
                redirect_uris: vec![BACK.to_owned()],
                ..NewApplication::default()
            };
            let new = custody.create_application(Actor::Operator, organization, new);
            let application = new.await.unwrap().0;
            let addon = NewAddOn {
                application: application.id,
                handle: "own".parse().unwrap(),
                kind: AddOnType::Any,
                key: None,
                key_source: KeySource::User,
                provider: Some("openai".to_owned()),
                models: Vec::new(),
                operations: Operations::Default,
                allow: Vec::new(),
                strict: false,
                limits: RowLimits::default(),
            };
            let store = custody.store();
            store
                .install_addon(Actor::Operator, organization, addon)
                .await
                .unwrap();
            made.push(application);
        }
        let says = Arc::new(Says(Mutex::new(CheckOutcome::Valid)));
        let limits = Limits::new(clock.now(), None);
        let manage = Manage::new(
            &config,
            custody,
            says.clone(),
            limits,
            Arc::default(),
            Default::default(),
        );
        let another = made.pop().unwrap();
        Self {
            connect: Connect::new(&manage, config.server.connect_url.clone()),
            application: made.pop().unwrap(),
            another,
            clock,
            says,
            folder,
        }
    }

    async fn subject(&self, application: &Application, uid: &str) -> keystead_vault::SubjectHash {
        let custody = &self.connect.0.custody;
        let subject = custody.subject(application, "host", "", uid).await;
        subject.unwrap()
    }

    /// The token of a link for a user.
    async fn link(&self, uid: &str) -> String {
        let new = NewLink {
            subject: self.subject(&self.application, uid).await,
            addon: "own".parse().unwrap(),
            return_to: BACK.to_owned(),
            state: Some("a b".to_owned()),
        };
        let url = self.connect.make_link(&self.application, new).await;
        let url = url.unwrap();
        url.split('/').next_back().unwrap().to_owned()
    }

    /// A browser that has opened a link.
    async fn opened(&self, uid: &str) -> (Holder, String) {
        let opened = self.connect.open_link(&self.link(uid).await).await.unwrap();
        let browser = opened.browser.expose().to_owned();
        (Holder::Link(Box::new(opened.link)), browser)
    }

    async fn add(&self, holder: &Holder, key: &str) -> Result<KeyId, Problem> {
        let new = NewOwnKey {
            provider: "openai".to_owned(),
            name: "mine".to_owned(),
            endpoint: None,
            key: secret(key),
        };
        let (key, _) = self.connect.add_own_key(holder, new).await?;
        Ok(key.id)
    }

    /// A browser that was sent back; the code that it brings.
    async fn finished(&self, uid: &str, key: &str) -> String {
        let (holder, browser) = self.opened(uid).await;
        let id = self.add(&holder, key).await.unwrap();
        let terms = GrantTerms {
            budgets: vec!["5 USD/month".parse().unwrap()],
            ..GrantTerms::default()
        };
        let granted = self.connect.grant_key_of_link(&holder, id, terms).await;
        assert_eq!(granted.unwrap().id, None, "it waits for the host");
        let link = self.connect.continue_link(&browser).await.unwrap();
        assert!(link.has_key);
        let address = self.connect.finish_link(&link).await.unwrap();
        let (start, query) = address.rsplit_once("&code=").expect("a code");
        assert_eq!(start, BACK);
        let (code, state) = query.split_once("&state=").expect("a state");
        assert_eq!(state, "a+b");
        let over = self.connect.continue_link(&browser).await;
        assert_eq!(over.unwrap_err().code(), "connect_link_over");
        code.to_owned()
    }

    async fn confirm(&self, uid: &str, code: &str) -> bool {
        let subject = self.subject(&self.application, uid).await;
        let confirmed = self.connect.confirm_link(&self.application, &subject, code);
        confirmed.await.unwrap().is_some()
    }

    async fn is_connected(&self, uid: &str) -> bool {
        let subject = self.subject(&self.application, uid).await;
        let all = self.connect.connections(&self.application, &subject).await;
        all.unwrap()[0].connected
    }

    /// How many keys lie in a user's vault.
    async fn keys(&self, uid: &str) -> usize {
        let holder = VaultHolder::Subject {
            organization: self.application.organization,
            application: self.application.id,
            subject: self.subject(&self.application, uid).await,
        };
        let store = self.connect.store();
        match store.vault_of(&holder).await.unwrap() {
            Some(vault) => store.own_keys(vault.id).await.unwrap().len(),
            None => 0,
        }
    }
}

fn secret(text: &str) -> SecretText {
    SecretText::from(Zeroizing::new(text.to_owned()))
}

const KEY: &str = "sk-proj-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "sk-proj-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#[tokio::test]
async fn a_key_counts_once_the_host_has_said_who_came_back() {
    let bed = Bed::new().await;
    let code = bed.finished("u-1", KEY).await;
    assert!(!bed.is_connected("u-1").await, "not before");
    assert!(bed.confirm("u-1", &code).await);
    assert!(bed.is_connected("u-1").await);
    assert!(!bed.is_connected("u-2").await);
    assert!(!bed.confirm("u-1", &code).await, "once");
    assert!(bed.is_connected("u-1").await);

    // Another key takes its place, with the host's word again.
    let code = bed.finished("u-1", OTHER).await;
    assert_eq!(bed.keys("u-1").await, 2);
    assert!(bed.confirm("u-1", &code).await);
    assert_eq!(bed.keys("u-1").await, 1);
}

#[tokio::test]
async fn a_link_that_somebody_else_finished_captures_nothing() {
    let bed = Bed::new().await;
    // One user sends the link that was made for them to a stranger, who enters their own key: the stranger's
    // browser comes back, and the host finds its session to be the stranger's.
    let code = bed.finished("u-1", KEY).await;
    assert!(!bed.confirm("stranger", &code).await);
    assert_eq!(bed.keys("u-1").await, 0, "what was entered is gone");
    assert!(!bed.confirm("u-1", &code).await, "and the code with it");
    assert!(!bed.is_connected("u-1").await && !bed.is_connected("stranger").await);
    // Nor does another application's word count.
    let code = bed.finished("u-1", KEY).await;
    let subject = bed.subject(&bed.another, "u-1").await;
    let confirmed = bed
        .connect
        .confirm_link(&bed.another, &subject, &code)
        .await;
    assert!(confirmed.unwrap().is_none());
    assert!(bed.confirm("u-1", &code).await, "which has changed nothing");
}

#[tokio::test]
async fn a_link_is_opened_by_one_browser_and_over_in_ten_minutes() {
    let bed = Bed::new().await;
    let link = bed.link("u-1").await;
    let browser = bed.connect.open_link(&link).await.unwrap().browser;
    for token in [&*link, "nonsense", ""] {
        let again = bed.connect.open_link(token).await;
        assert_eq!(again.unwrap_err().code(), "connect_link_over");
    }
    let unopened = bed.link("u-1").await;
    let opened = bed.connect.open_link(browser.expose()).await;
    assert!(opened.is_err(), "what the browser has opens nothing");
    let code = bed.finished("u-2", KEY).await;
    let (holder, entered) = bed.opened("u-3").await;
    bed.add(&holder, KEY).await.unwrap();

    bed.clock.advance(Duration::from_secs(600));
    assert!(bed.connect.continue_link(browser.expose()).await.is_err());
    assert!(bed.connect.continue_link(&entered).await.is_err());
    assert!(bed.connect.open_link(&unopened).await.is_err());
    assert!(bed.add(&holder, KEY).await.is_err());
    bed.connect.end_overdue_links().await.unwrap();
    for uid in ["u-1", "u-2", "u-3"] {
        assert_eq!(bed.keys(uid).await, 0, "{uid}");
    }
    assert!(!bed.confirm("u-2", &code).await);
    assert_eq!(bed.connect.store().verify_audit().await.unwrap().faults, []);
}

#[tokio::test]
async fn a_provider_is_asked_five_times_for_one_link() {
    let bed = Bed::new().await;
    let (holder, browser) = bed.opened("u-1").await;
    *bed.says.0.lock() = CheckOutcome::Wrong;
    for left in (0..5).rev() {
        let refused = bed.add(&holder, KEY).await;
        assert_eq!(refused.unwrap_err().code(), "key_refused");
        let link = bed.connect.continue_link(&browser).await.unwrap();
        assert_eq!(link.checks_left, left);
    }
    *bed.says.0.lock() = CheckOutcome::Valid;
    let checked = bed
        .connect
        .check_own_key(&holder, "openai", None, secret(KEY));
    assert_eq!(checked.await.unwrap_err().code(), "no_checks_left");
    assert_eq!(
        bed.add(&holder, KEY).await.unwrap_err().code(),
        "no_checks_left"
    );
    assert_eq!(bed.keys("u-1").await, 0);
}

#[tokio::test]
async fn through_a_link_nothing_is_given_without_the_hosts_word_and_all_is_taken() {
    let bed = Bed::new().await;
    let code = bed.finished("u-1", KEY).await;
    assert!(bed.confirm("u-1", &code).await);
    let (holder, browser) = bed.opened("u-1").await;
    let keys = bed.connect.own_keys(&holder).await.unwrap();
    let grant = keys[0].grants[0].id.expect("in force");
    let connect = &bed.connect;
    let refused = [
        connect
            .change_key_grant(&holder, grant, GrantChange::Terms(GrantTerms::default()))
            .await
            .err(),
        connect
            .change_key_grant(&holder, grant, GrantChange::Resume)
            .await
            .err(),
        connect
            .set_own_key_disabled(&holder, keys[0].id, false)
            .await
            .err(),
        connect
            .rotate_own_key(&holder, keys[0].id, secret(OTHER))
            .await
            .err(),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap().code(), "confirmation_needed");
    }
    let paused = connect.change_key_grant(&holder, grant, GrantChange::Pause);
    assert!(paused.await.unwrap().paused);
    // To let it go on is to give it anew.
    let terms = GrantTerms::default();
    let anew = connect.grant_key_of_link(&holder, keys[0].id, terms).await;
    anew.unwrap();
    let link = connect.continue_link(&browser).await.unwrap();
    let address = connect.finish_link(&link).await.unwrap();
    let code = address.split("code=").nth(1).unwrap();
    assert!(bed.confirm("u-1", code.split('&').next().unwrap()).await);
    assert_eq!(bed.keys("u-1").await, 1);

    let (holder, browser) = bed.opened("u-1").await;
    let keys = connect.own_keys(&holder).await.unwrap();
    assert!(!keys[0].grants[0].paused);
    connect.withdraw_key_grant(&holder, grant).await.unwrap();
    assert_eq!(bed.keys("u-1").await, 0, "nobody else could use it");
    assert!(!bed.is_connected("u-1").await);
    // There is nothing to confirm, and so no code.
    let link = connect.continue_link(&browser).await.unwrap();
    let address = connect.finish_link(&link).await.unwrap();
    assert_eq!(address, format!("{BACK}&state=a+b"));
}

#[tokio::test]
async fn a_key_that_is_there_gets_other_limits_once_the_host_has_confirmed() {
    let bed = Bed::new().await;
    let code = bed.finished("u-1", KEY).await;
    assert!(bed.confirm("u-1", &code).await);
    let connect = &bed.connect;
    let terms = || GrantTerms {
        budgets: vec!["1 USD/month".parse().unwrap()],
        ..GrantTerms::default()
    };
    let budgets = async |holder: &Holder| -> Vec<String> {
        let keys = connect.own_keys(holder).await.unwrap();
        let mut grants = keys[0].grants.iter();
        let confirmed = grants.find(|grant| grant.id.is_some()).unwrap();
        confirmed.budgets.iter().map(ToString::to_string).collect()
    };

    let (holder, browser) = bed.opened("u-1").await;
    let key = connect.own_keys(&holder).await.unwrap()[0].id;
    connect
        .grant_key_of_link(&holder, key, terms())
        .await
        .unwrap();
    assert_eq!(budgets(&holder).await, ["5 USD/month"], "as it was");
    // Given up, nothing is left to confirm, and the key stays.
    connect.give_up_entered(&holder).await.unwrap();
    let link = connect.continue_link(&browser).await.unwrap();
    let address = connect.finish_link(&link).await.unwrap();
    assert!(!address.contains("code="), "{address}");
    assert_eq!(bed.keys("u-1").await, 1);

    let (holder, browser) = bed.opened("u-1").await;
    connect
        .grant_key_of_link(&holder, key, terms())
        .await
        .unwrap();
    let link = connect.continue_link(&browser).await.unwrap();
    let address = connect.finish_link(&link).await.unwrap();
    let code = address.split("code=").nth(1).unwrap();
    assert!(bed.confirm("u-1", code.split('&').next().unwrap()).await);
    let (holder, _) = bed.opened("u-1").await;
    assert_eq!(budgets(&holder).await, ["1 USD/month"]);
    assert_eq!(bed.keys("u-1").await, 1);
}

#[tokio::test]
async fn a_key_that_is_there_is_checked_as_often_as_one_that_is_entered() {
    let bed = Bed::new().await;
    let code = bed.finished("u-1", KEY).await;
    assert!(bed.confirm("u-1", &code).await);
    let (holder, _) = bed.opened("u-1").await;
    let key = bed.connect.own_keys(&holder).await.unwrap()[0].id;
    for _ in 0..5 {
        let checked = bed.connect.recheck_own_key(&holder, key).await;
        assert_eq!(checked.unwrap().status, crate::store::KeyStatus::Valid);
    }
    let once_more = bed.connect.recheck_own_key(&holder, key).await;
    assert_eq!(once_more.unwrap_err().code(), "no_checks_left");
}
