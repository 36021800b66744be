//! What was used, as people look at it: by day, and told apart by one thing.

use std::{cmp::Reverse, collections::BTreeMap, str::FromStr};

use super::{
    Manage, May, Object as _, Problem,
    permission::right::SeeUsage,
    usage::{days, word},
};
use crate::{
    ids::{AddOnId, ApplicationId, KeyId, OrganizationId},
    store::{Figures, Key, UsageDays, UsageFilter, UsageGroup, UsageShare},
};

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// How many days back, today included: from 1 to 366.
    pub days: u16,
    /// By what it is told apart.
    pub by: By,
    /// Of this application.
    pub application_id: Option<String>,
    /// Of this AddOn.
    pub addon_id: Option<String>,
    /// Of this key.
    pub key_id: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// How many shares at most, those with the most requests.
    pub shares: u16,
}

/// By what use is told apart.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum By {
    /// The provider.
    #[default]
    Provider,
    /// The application.
    Application,
    /// The AddOn.
    AddOn,
    /// The key.
    Key,
    /// The model.
    Model,
    /// The day.
    Day,
}

/// What was used.
#[derive(Clone, Debug)]
pub struct Breakdown {
    /// On which days.
    pub days: UsageDays,
    /// Everything.
    pub all: Figures,
    /// Everything, for each of the days.
    pub by_day: Vec<Figures>,
    /// What is told apart, the most requests first; by day, the last day first.
    pub shares: Vec<Share>,
    /// The first of these, for each of the days.
    pub largest: Vec<Vec<Figures>>,
}

/// What belongs to one.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its id or name; empty for calls without key or model.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How much.
    pub figures: Figures,
}

impl By {
    /// All of them, as they are offered.
    pub const ALL: [Self; 6] = [
        Self::Provider,
        Self::Application,
        Self::AddOn,
        Self::Key,
        Self::Model,
        Self::Day,
    ];

    /// The stable word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Application => "application",
            Self::AddOn => "addon",
            Self::Key => "key",
            Self::Model => "model",
            Self::Day => "day",
        }
    }

    /// What this word says; provider where it says nothing.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|by| by.word() == word).unwrap_or_default()
    }

    fn group(self) -> Option<UsageGroup> {
        Some(match self {
            Self::Provider => UsageGroup::Provider,
            Self::Application => UsageGroup::Application,
            Self::AddOn => UsageGroup::AddOn,
            Self::Key => UsageGroup::Key,
            Self::Model => UsageGroup::Model,
            Self::Day => return None,
        })
    }
}

/// How many of the shares are told for each day.
const LARGEST: usize = 5;

/// What was used on these days.
pub async fn of(
    manage: &Manage,
    caller: &May<SeeUsage>,
    wanted: Wanted,
) -> Result<Breakdown, Problem> {
    let days = days(manage, wanted.days, 366)?;
    let filter = UsageFilter {
        application: ApplicationId::named_if_any(wanted.application_id.as_deref())?,
        addon: AddOnId::named_if_any(wanted.addon_id.as_deref())?,
        key: KeyId::named_if_any(wanted.key_id.as_deref())?,
        provider: word("provider", wanted.provider)?,
        model: word("model", wanted.model)?,
    };
    let (store, organization) = (manage.store(), caller.organization);
    let Some(group) = wanted.by.group() else {
        let by_day = store.usage_by_day(organization, days, &filter).await?;
        return Ok(told_by_day(days, by_day));
    };
    if group == UsageGroup::Provider {
        let found = store.usage_by_day_and_provider(organization, days, &filter);
        return Ok(told_by_provider(days, found.await?));
    }
    // Side by side: each reads all sums of these days.
    let (by_day, shares) = tokio::try_join!(
        store.usage_by_day(organization, days, &filter),
        store.usage_shares(organization, days, &filter, group, wanted.shares),
    )?;
    let first = shares.iter().take(LARGEST).map(|share| share.name.clone());
    let first: Vec<String> = first.collect();
    let of_first = store
        .usage_by_day_of(organization, days, &filter, group, &first)
        .await?;
    let mut largest = vec![nothing(days); first.len()];
    for (day, share) in of_first {
        if let Some(place) = first.iter().position(|name| *name == share.name) {
            largest[place][place_of(day, days)] = share.figures;
        }
    }
    let mut names = names(manage, organization, group, &shares).await?;
    let named = shares.into_iter().map(|share| Share {
        name: names
            .remove(&share.name)
            .unwrap_or_else(|| unnamed(group, &share.name)),
        id: share.name,
        figures: share.figures,
    });
    Ok(Breakdown {
        shares: named.collect(),
        largest,
        ..told_by_day(days, by_day)
    })
}

/// Each provider with all days; the most requests first.
fn told_by_provider(days: UsageDays, found: Vec<(i64, UsageShare)>) -> Breakdown {
    let mut of_day: BTreeMap<i64, Figures> = BTreeMap::new();
    let mut of_provider: BTreeMap<String, (Figures, Vec<Figures>)> = BTreeMap::new();
    for (day, share) in found {
        of_day.entry(day).or_default().add(&share.figures);
        let (sum, each) = of_provider
            .entry(share.name)
            .or_insert_with(|| (Figures::default(), nothing(days)));
        sum.add(&share.figures);
        each[place_of(day, days)] = share.figures;
    }
    let mut sorted: Vec<_> = of_provider.into_iter().collect();
    sorted.sort_by_key(|(_, (sum, _))| Reverse(sum.requests));
    let shares = sorted.iter().map(|(name, (figures, _))| Share {
        name: provider_title(name).to_owned(),
        id: name.clone(),
        figures: *figures,
    });
    let shares = shares.collect();
    let largest = sorted.into_iter().take(LARGEST);
    Breakdown {
        shares,
        largest: largest.map(|(_, (_, each))| each).collect(),
        ..told_by_day(days, of_day.into_iter().collect())
    }
}

/// All days, with those on which there was nothing.
fn told_by_day(days: UsageDays, found: Vec<(i64, Figures)>) -> Breakdown {
    let mut by_day = nothing(days);
    let mut all = Figures::default();
    for (day, figures) in found {
        all.add(&figures);
        by_day[place_of(day, days)] = figures;
    }
    let mut shares: Vec<_> = (days.first..=days.last)
        .zip(&by_day)
        .filter(|(_, figures)| **figures != Figures::default())
        .map(|(day, figures)| Share {
            id: super::time::date(day),
            name: super::time::date(day),
            figures: *figures,
        })
        .collect();
    shares.reverse();
    Breakdown {
        days,
        all,
        by_day,
        shares,
        largest: Vec::new(),
    }
}

fn nothing(days: UsageDays) -> Vec<Figures> {
    let count = usize::try_from(days.last - days.first + 1).unwrap_or(0);
    vec![Figures::default(); count]
}

fn place_of(day: i64, days: UsageDays) -> usize {
    usize::try_from(day.clamp(days.first, days.last) - days.first).unwrap_or(0)
}

/// What people call objects, by their ids; of those that are gone there is nothing.
async fn names(
    manage: &Manage,
    organization: OrganizationId,
    group: UsageGroup,
    shares: &[UsageShare],
) -> Result<BTreeMap<String, String>, Problem> {
    let store = manage.store();
    Ok(match group {
        UsageGroup::Application => {
            let ids = ids(shares);
            let found = store.applications_with_ids(organization, &ids).await?;
            let named = found.into_iter();
            named.map(|it| (it.id.to_string(), it.name)).collect()
        }
        UsageGroup::AddOn => {
            let ids = ids(shares);
            let found = store.addons_with_ids(organization, &ids).await?;
            let named = found.into_iter();
            named
                .map(|it| (it.id.to_string(), it.handle.to_string()))
                .collect()
        }
        UsageGroup::Key => {
            let ids = ids(shares);
            let found = store.keys_with_ids(organization, &ids).await?;
            let name = |key: &Key| format!("{} ••••{}", key.name, key.last4);
            let named = found.iter();
            named.map(|key| (key.id.to_string(), name(key))).collect()
        }
        UsageGroup::Provider | UsageGroup::Model => BTreeMap::new(),
    })
}

fn ids<Id: FromStr>(shares: &[UsageShare]) -> Vec<Id> {
    let ids = shares.iter().filter_map(|share| share.name.parse().ok());
    ids.collect()
}

/// What is called by no name of its own.
fn unnamed(group: UsageGroup, id: &str) -> String {
    match group {
        UsageGroup::Key if id.is_empty() => "no key".to_owned(),
        UsageGroup::Model if id.is_empty() => "no model".to_owned(),
        UsageGroup::Provider => provider_title(id).to_owned(),
        _ => id.to_owned(),
    }
}

/// How a provider calls itself.
#[must_use]
pub fn provider_title(slug: &str) -> &str {
    keystead_providers::by_name(slug).map_or(slug, |provider| provider.about().title)
}
