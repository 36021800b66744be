//! A password that was kept at a lower cost than today's is kept anew when its owner types it: nobody
//! else can.

use std::sync::Arc;

use super::{NotProven, Password, People};
use crate::store::PasswordRow;

impl People {
    /// Keeps the password, which was right, at today's cost. Where it can't be hashed now, the next
    /// sign-in does.
    pub(super) async fn keep_at_todays_cost(
        &self,
        row: &PasswordRow,
        password: Arc<Password>,
    ) -> Result<(), NotProven> {
        let derived = match self.derive_new(password).await {
            Err(NotProven::Busy) => return Ok(()),
            derived => derived?,
        };
        let kept = self.kept(row.account, &derived);
        let store = self.store();
        let mut changing = store.change().await?;
        match store.rehash_password(&mut changing, row, kept).await? {
            Some(event) => Ok(changing.commit(event).await?),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        audit::Actor,
        clock::Clock,
        config::{Sources, resolve},
        custody::{Custody, NewAccount},
        management::Metrics,
        net::{Connector, address::AddressRules},
        people::{
            Checked,
            password::{COST, derived_for, is_dated},
        },
        root::RootKeySource,
        store::{Access, Email, PasswordCost, PasswordHash, Role, Store, StoreUrl},
    };

    const CHEAP: PasswordCost = PasswordCost {
        memory_kib: 1_024,
        passes: 1,
        lanes: 1,
    };
    const TEXT: &str = "twelve small tables";

    fn claimed(text: &str) -> Password {
        Password::claimed(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn what_takes_less_work_is_dated() {
        let cost = |memory_kib, passes| PasswordCost {
            memory_kib,
            passes,
            lanes: 1,
        };
        for (cost, expected) in [
            (COST, false),
            (CHEAP, true),
            (cost(19 * 1_024, 1), true),
            // Others of OWASP's equal choices, and a dearer one.
            (cost(46 * 1_024, 1), false),
            (cost(64 * 1_024, 3), false),
        ] {
            assert_eq!(is_dated(cost), expected, "{cost:?}");
        }
    }

    #[tokio::test]
    async fn a_cheap_hash_is_replaced_when_its_owner_signs_in_and_by_nobody_else() {
        let folder = std::env::temp_dir().join(format!("keystead-rehash-{}", std::process::id()));
        let url = StoreUrl::Sqlite(folder.join("keystead.db"));
        let store = Store::open(&url, Access::Write, Clock::system()).await;
        let source = RootKeySource::File(folder.join("root.key"));
        let custody = Custody::open(store.unwrap(), &source).await.unwrap();
        let sources = Sources {
            environment: [("HOME".to_owned(), "/nobody".to_owned())].into(),
            ..Sources::default()
        };
        let rules = AddressRules {
            allow_private: true,
            own: Vec::new(),
        };
        let connector = Connector::new(rules, Duration::from_secs(5));
        let config = resolve(&sources).unwrap().config;
        let people = People::new(&config, custody.clone(), Metrics::new(), connector);
        let made = custody.create_organization(Actor::Operator, "Org").await;
        let email = "ada@example.org";
        let new = NewAccount {
            email: Email::parse(email).unwrap(),
            organization: made.unwrap().id,
            role: Role::Owner,
        };
        let account = custody.create_account(Actor::Operator, new).await.unwrap();

        let (store, salt) = (custody.store(), vec![7; 16]);
        let hasher = &people.0.hasher;
        let derived = hasher.derive(claimed(TEXT), CHEAP, salt.clone()).await;
        let covered = derived_for(account.id, &derived.unwrap());
        let kept = PasswordHash {
            cost: CHEAP,
            salt,
            hash: custody.keyed_hash(&covered),
        };
        let mut changing = store.change().await.unwrap();
        let event = store.put_password(&mut changing, account.id, kept).await;
        changing.commit(event.unwrap()).await.unwrap();
        let row = async || store.password(account.id).await.unwrap().unwrap();
        let before = row().await;

        let from: IpAddr = [192, 0, 2, 7].into();
        let attempt = async |text: &str| people.check_password(email, claimed(text), from).await;
        assert!(matches!(attempt("another").await, Err(NotProven::Wrong)));
        assert_eq!(row().await.kept.cost, CHEAP, "a wrong one replaces nothing");
        assert!(matches!(attempt(TEXT).await, Ok(Checked::Proven(_))));
        let after = row().await;
        assert_eq!((after.kept.cost, after.id), (COST, before.id));
        assert_eq!(after.created_at, before.created_at, "the same password");
        assert!(matches!(attempt(TEXT).await, Ok(Checked::Proven(_))));
        assert_eq!(row().await.row_version, after.row_version, "once");
        assert_eq!(store.verify_audit().await.unwrap().faults, []);

        // A password that was changed meanwhile is not put back.
        let mut changing = store.change().await.unwrap();
        let late = store.rehash_password(&mut changing, &before, before.kept.clone());
        assert!(late.await.unwrap().is_none());
        _ = std::fs::remove_dir_all(&folder);
    }
}
