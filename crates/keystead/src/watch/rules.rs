//! The rules: each asks the store one question and raises what it finds.

use std::time::Duration;

use crate::{
    alerts::{AlertKind, Finding, nearly_used, used_up},
    limits::CounterName,
    store::{CARE_DAYS, KeyAge, Organization, Pattern, Store, StoreError},
};

/// Asks every rule once.
///
/// # Errors
///
/// [`StoreError`]; what was found before it is raised.
pub async fn look(store: &Store) -> Result<(), StoreError> {
    refusals(store).await?;
    budgets(store).await?;
    for organization in store.organizations().await? {
        usage(store, &organization).await?;
        keys(store, &organization).await?;
    }
    Ok(())
}

/// Many refused calls in a short time: once an hour of each application.
async fn refusals(store: &Store) -> Result<(), StoreError> {
    let now = store.clock().now();
    let (applications, of_nobody) = store.refused_since(now - WHILE, BURST).await?;
    let hour = now.as_secs().div_euclid(3_600);
    for (organization, application) in applications {
        let finding = Finding::new(AlertKind::RefusalsBurst, "proxy", &application);
        store.raise(finding.within(organization).once_in(&hour));
    }
    // Strangers try at every door; that is worth a word when it is very many.
    if of_nobody >= BURST * 10 {
        let finding = Finding::new(AlertKind::RefusalsBurst, "proxy", &"strangers");
        store.raise(finding.once_in(&hour));
    }
    Ok(())
}

async fn budgets(store: &Store) -> Result<(), StoreError> {
    let now = store.clock().now();
    for (organization, holder, budget) in store.budgets().await? {
        let name = CounterName {
            organization,
            holder,
            unit: budget.unit,
            period: budget.period,
            window: budget.period.window(now),
        };
        let (used, _) = store.budget_state(&name).await?;
        let hundredths = i128::from(used) * 100;
        let of = |percent: i128| i128::from(budget.amount) * percent;
        let finding = match hundredths {
            all if all >= of(100) => used_up(&name),
            most if most >= of(80) => nearly_used(&name),
            _ => None,
        };
        if let Some(finding) = finding {
            store.raise(finding);
        }
    }
    Ok(())
}

/// Far more than on any of the seven days before: once a day of each application.
async fn usage(store: &Store, organization: &Organization) -> Result<(), StoreError> {
    let today = store.clock().now().as_secs().div_euclid(86_400);
    for pattern in store.usage_patterns(organization.id, today).await? {
        if is_unusual(&pattern) {
            let finding = Finding::new(AlertKind::UsageUnusual, "usage", &pattern.application);
            store.raise(finding.within(organization.id).once_in(&today));
        }
    }
    Ok(())
}

fn is_unusual(pattern: &Pattern) -> bool {
    let far_over =
        |(today, most): (i64, i64), least| today >= least && today > most.saturating_mul(3);
    // Two days are no pattern, and a small number is no reason to wake anybody.
    pattern.days >= 3
        && (far_over((pattern.today.0, pattern.most.0), REQUESTS)
            || far_over((pattern.today.1, pattern.most.1), MICRO_USD))
}

async fn keys(store: &Store, organization: &Organization) -> Result<(), StoreError> {
    let today = store.clock().now().as_secs().div_euclid(86_400);
    let rotation = i64::from(organization.alert_rules.key_rotation_days.get());
    for age in store.key_ages(organization.id).await? {
        let found = |kind| Finding::new(kind, "keys", &age.key).within(organization.id);
        if today - age.entered_at.as_secs().div_euclid(86_400) >= rotation {
            store.raise(found(AlertKind::KeyOld).once_in(&age.version));
        }
        if is_unused(&age, today) {
            let since = age.last_used.unwrap_or_default();
            store.raise(found(AlertKind::KeyUnused).once_in(&since));
        }
    }
    Ok(())
}

/// Since it was last used, or made.
fn is_unused(age: &KeyAge, today: i64) -> bool {
    let made = age.created_at.as_secs().div_euclid(86_400);
    today - age.last_used.unwrap_or(made).max(made) >= CARE_DAYS
}

/// So many refused calls of an application in such a while are a burst.
const BURST: i64 = 100;
const WHILE: Duration = Duration::from_secs(300);

/// Below so many requests or so much money a day nothing is unusual.
const REQUESTS: i64 = 100;
const MICRO_USD: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, ids::ApplicationId};

    #[test]
    fn far_over_is_three_times_the_busiest_day() {
        let application = ApplicationId::new(&Clock::system());
        for (name, today, most, days, expected) in [
            ("as always", (1_000, 0), (900, 0), 7, false),
            ("three times", (300, 0), (100, 0), 7, false),
            ("more than that", (301, 0), (100, 0), 7, true),
            ("few", (99, 0), (1, 0), 7, false),
            ("no pattern yet", (10_000, 0), (1, 0), 2, false),
            ("dear", (10, 3_100_000), (10, 1_000_000), 3, true),
            ("cheap", (10, 900_000), (10, 1_000), 7, false),
        ] {
            let pattern = Pattern {
                application,
                today,
                most,
                days,
            };
            assert_eq!(is_unusual(&pattern), expected, "{name}");
        }
    }
}
