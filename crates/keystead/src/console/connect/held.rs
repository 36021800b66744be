//! What somebody whom a host vouches for has connected already: seen, checked, paused and taken back by the
//! same link. What takes something away holds at once; what gives more waits for the host's word.

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};

use super::{
    calls::Call,
    terms::in_words,
    visitor::{Sent, Visitor},
};
use crate::{
    connect::{GrantChange, GrantTerms, Holder, KeyGrantView, OwnKey},
    console::{
        Answer, Console, Refused,
        consent::Agreed,
        numbers::{count, money},
        providers::{StatusWords, advice, of_key},
        time::When,
    },
    ids::{KeyGrantId, KeyId},
    store::{Application, Figures},
};

/// A key that is there.
pub(super) struct Has {
    pub(super) id: KeyId,
    pub(super) last4: String,
    pub(super) status: StatusWords,
    pub(super) advice: &'static str,
    pub(super) terms: GrantTerms,
    pub(super) limits: Vec<String>,
    pub(super) ends: Option<When>,
    pub(super) paused: bool,
}

/// What was done with it, and what was agreed to before.
pub(super) struct Past {
    pub(super) requests: String,
    pub(super) cost: String,
    pub(super) calls: Vec<Call>,
    pub(super) agreed: Vec<Agreed>,
}

impl Has {
    /// What the application may use.
    pub(super) fn confirmed(console: &Console, keys: &[OwnKey]) -> Option<Self> {
        Self::of(console, keys, |grant| grant.id.is_some())
    }

    /// What it is to use, once its host has confirmed who came back.
    pub(super) fn entered(console: &Console, keys: &[OwnKey]) -> Option<Self> {
        Self::of(console, keys, |grant| grant.id.is_none())
    }

    fn of(console: &Console, keys: &[OwnKey], fits: fn(&KeyGrantView) -> bool) -> Option<Self> {
        let mut all = keys
            .iter()
            .flat_map(|key| key.grants.iter().map(move |grant| (key, grant)));
        let (key, grant) = all.find(|(_, grant)| fits(grant))?;
        let terms = GrantTerms {
            models: grant.models.clone(),
            budgets: grant.budgets.clone(),
            ends_at: grant.ends_at,
        };
        let now = console.store().clock().now();
        Some(Self {
            id: key.id,
            last4: key.last4.clone(),
            status: of_key(key.status, key.disabled),
            advice: advice(key.status, key.disabled),
            limits: in_words(&terms),
            ends: grant.ends_at.map(|at| When { at, now }),
            paused: grant.paused,
            terms,
        })
    }
}

impl Past {
    /// Of a visitor who has connected a key, or had.
    pub(super) async fn of(
        console: &Console,
        visitor: &Visitor,
        application: &Application,
        keys: &[OwnKey],
    ) -> Result<Self, Refused> {
        let (connect, holder) = (console.connect(), visitor.holder());
        let mut used = Figures::default();
        let mut calls = Vec::new();
        for key in keys {
            let confirmed: Vec<_> = key.grants.iter().filter_map(|grant| grant.id).collect();
            for grant in &confirmed {
                used.add(&connect.usage_of(&holder, *grant).await?);
            }
            if !confirmed.is_empty() {
                calls.extend(Call::latest(console, &holder, key).await?);
            }
        }
        Ok(Self {
            requests: count(used.requests),
            cost: money(used.cost_micro_usd),
            calls,
            agreed: Agreed::at(console, application, visitor.link.subject()).await?,
        })
    }
}

/// Asks the provider about it; one of the five times that it may be asked for a link.
pub(super) async fn check(State(console): State<Console>, sent: Sent) -> Answer {
    let holder = sent.visitor.holder();
    let connect = console.connect();
    let keys = connect.own_keys(&holder).await?;
    if let Some(has) = Has::confirmed(&console, &keys) {
        connect.recheck_own_key(&holder, has.id).await?;
    }
    Ok(back("checked"))
}

/// Lets it rest: it goes on when it is given anew.
pub(super) async fn pause(State(console): State<Console>, sent: Sent) -> Answer {
    let (holder, connect) = (sent.visitor.holder(), console.connect());
    for grant in confirmed(&console, &holder).await? {
        let paused = connect.change_key_grant(&holder, grant, GrantChange::Pause);
        paused.await?;
    }
    Ok(back("paused"))
}

/// Takes back what was given before, and destroys the key. At once: it needs nobody's word.
pub(super) async fn withdraw(State(console): State<Console>, sent: Sent) -> Answer {
    let holder = sent.visitor.holder();
    for grant in confirmed(&console, &holder).await? {
        console.connect().withdraw_key_grant(&holder, grant).await?;
    }
    Ok(back("withdrawn-key"))
}

async fn confirmed(console: &Console, holder: &Holder) -> Result<Vec<KeyGrantId>, Refused> {
    let keys = console.connect().own_keys(holder).await?;
    let grants = keys.iter().flat_map(|key| &key.grants);
    Ok(grants.filter_map(|grant| grant.id).collect())
}

fn back(word: &str) -> Response {
    Redirect::to(&format!("/connect/key?done={word}")).into_response()
}
