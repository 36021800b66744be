//! `/limits/check`: which rules hold for a call, who set them, what is left, and would it pass?

use std::net::IpAddr;

use axum::{Json, extract::State};
use keystead_providers::{Access, AddOnType, Day, Facts, Operation, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Manage, May, Problem, addons, body::Body, fields::Fields, permission::right::SeeLimits,
    time::rfc3339,
};
use crate::{
    limits::{
        Amounts, Bucket, Budget, Carriers, Charge, CounterName, Holding, Rule, Says, SetBy, Unit,
        Who,
    },
    store::{AddOn, Application, Key},
};

/// The call that is meant. A rule about what is left out is shown and not judged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meant {
    addon_id: String,
    /// The end user, as the host names them.
    uid: Option<String>,
    /// The client's address.
    address: Option<IpAddr>,
    /// One of the provider's operations; by default the first that fits the AddOn's type.
    operation: Option<String>,
    model: Option<String>,
    max_output_tokens: Option<u64>,
    /// How long the request is.
    #[serde(default)]
    body_bytes: u64,
}

/// Judges without taking anything.
pub(super) async fn check(
    caller: May<SeeLimits>,
    State(manage): State<Manage>,
    Body(meant): Body<Meant>,
) -> Result<Json<Value>, Problem> {
    let mut fields = Fields::default();
    let addon = fields.parse("addon_id", &meant.addon_id, "an AddOn's id");
    fields.finish()?;
    let store = manage.store();
    let id = addon.ok_or(Problem::NotFound("addon"))?;
    let addon = store.addon(caller.organization, id).await?;
    let application = store
        .application(caller.organization, addon.application)
        .await?;
    let organization = store.organization(caller.organization).await?;
    let key = addons::key_of(&manage, &addon).await?;

    let carriers = Carriers {
        organization: (organization.id, &organization.limits),
        application: (application.id, &application.limits),
        addon: (addon.id, &addon.limits),
        key: key.as_ref().map(|key| (key.id, &key.limits)),
    };
    let who = who(&manage, &application, &addon, key.as_ref(), &meant).await?;
    let operation = operation(&addon, key.as_ref(), &meant)?;
    let most = most(operation, &meant);
    let cost = manage.cost(operation, key.as_ref(), meant.model.as_deref(), &most);
    let amounts = Amounts::of_call(&most, cost);
    let mut rules = Vec::new();
    for held in manage.0.defaults.holdings(&carriers) {
        let mut shown = told(&held);
        let judged = match held.says {
            Says::Budget(budget) => {
                let mut judged = manage.budget(&held, &who, budget, &amounts).await?;
                // What nobody knows the cost of is refused, however much is left.
                if budget.unit == Unit::Money && operation.is_some() && cost.is_none() {
                    judged.insert("passes".to_owned(), false.into());
                }
                judged
            }
            _ => manage.rate(&held, &who, amounts.of(Unit::Tokens)),
        };
        shown.extend(judged);
        rules.push(Value::Object(shown));
    }
    let refused_by = rules.iter().find(|rule| rule["passes"] == false).cloned();
    Ok(Json(json!({
        "addon_id": addon.id,
        "passes": refused_by.is_none(),
        "refused_by": refused_by,
        "reserves": {
            "tokens": most.tokens(),
            "characters": most.characters,
            "images": most.images,
            "credits": most.credits_milli.map(|milli| Unit::Credits.show(milli.cast_signed())),
            "usd": cost.map(|cost| Unit::Money.show(cost.cast_signed())),
        },
        "rules": rules,
    })))
}

/// Whose call it would be.
async fn who(
    manage: &Manage,
    application: &Application,
    addon: &AddOn,
    key: Option<&Key>,
    meant: &Meant,
) -> Result<Who, Problem> {
    let subject = match &meant.uid {
        Some(uid) => Some(
            manage
                .custody()
                .subject(application, "host", "", uid)
                .await?,
        ),
        None => None,
    };
    Ok(Who {
        organization: addon.organization,
        application: application.id,
        addon: addon.id,
        key: key.map(|key| key.id),
        token: None,
        subject: subject.map(|subject| *subject.as_bytes()),
        address: meant.address,
    })
}

/// What the call would ask for; nothing where the AddOn has no key.
fn operation(
    addon: &AddOn,
    key: Option<&Key>,
    meant: &Meant,
) -> Result<Option<&'static Operation>, Problem> {
    let Some(about) = key.and_then(addons::about) else {
        return Ok(None);
    };
    let fits = |one: &&Operation| match &meant.operation {
        Some(name) => one.name == name,
        None => addon.kind == AddOnType::Any || one.types.contains(&addon.kind),
    };
    let mut open = about.operations.iter();
    let operation = open.find(|one| one.access != Access::Denied && fits(one));
    let operation = operation.ok_or_else(|| {
        let names: Vec<_> = about.operations.iter().map(|one| one.name).collect();
        Problem::field("operation", format!("expected one of {}", names.join(", ")))
    })?;
    Ok(Some(operation))
}

/// The most that the call may use.
fn most(operation: Option<&Operation>, meant: &Meant) -> Usage {
    let facts = Facts {
        max_output_tokens: meant.max_output_tokens,
        ..Facts::default()
    };
    let model = meant.model.as_deref();
    let reserved = operation.map(|one| one.reservation(&facts, model, meant.body_bytes));
    reserved.unwrap_or_default()
}

impl Manage {
    /// What `usage` costs today; `None` where the provider has no price for it, or where nothing
    /// tells what is used.
    fn cost(
        &self,
        operation: Option<&Operation>,
        key: Option<&Key>,
        model: Option<&str>,
        usage: &Usage,
    ) -> Option<u64> {
        operation.filter(|operation| !operation.uncounted)?;
        let today = self.store().clock().now().as_secs().div_euclid(86_400);
        let prices = self.0.prices.get(key?.provider.as_str())?;
        prices.cost(model, usage, Day::of_unix(today)).micro_usd
    }

    /// What is left of a rate, a token rate or running calls, in this process.
    fn rate(&self, held: &Holding, who: &Who, tokens: i64) -> Told {
        let Some(place) = held.place(who) else {
            return Told::default();
        };
        let bucket = self.0.limits.limiter.bucket(place);
        let (rule, cost) = match held.says {
            Says::Requests(rate) => (Rule::calls(rate), 1),
            Says::TokensPerMinute(most) => (Rule::tokens_per_minute(most), tokens),
            Says::Concurrency(most) => return running(&bucket, most),
            Says::Budget(_) => return Told::default(),
        };
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let charge = Charge { bucket, rule, cost };
        let wait = self.0.limits.limiter.look(&charge);
        Told::from_iter([
            ("passes".to_owned(), wait.is_zero().into()),
            ("retry_after_s".to_owned(), wait.as_secs_f64().ceil().into()),
        ])
    }

    /// What is left of a budget, in all processes.
    async fn budget(
        &self,
        held: &Holding,
        who: &Who,
        budget: Budget,
        amounts: &Amounts,
    ) -> Result<Told, Problem> {
        let Some(holder) = held.holder(who) else {
            return Ok(Told::default());
        };
        let window = budget.period.window(self.store().clock().now());
        let name = CounterName {
            organization: who.organization,
            holder,
            unit: budget.unit,
            period: budget.period,
            window,
        };
        // What other processes have leased is theirs to use; of this one it is known what is held.
        let (used, leased) = self.store().budget_state(&name).await?;
        let own = self.0.limits.counters.find(&name);
        let unwritten = own.as_ref().map_or(0, |counter| counter.unwritten());
        let idle = own.as_ref().map_or(0, |counter| counter.idle());
        let used = used + unwritten;
        let reserved = (leased - unwritten - idle).max(0);
        let left = (budget.amount - used - reserved).max(0);
        let show = |amount: i64| Value::from(budget.unit.show(amount));
        let wants = amounts.of(budget.unit);
        Ok(Told::from_iter([
            ("passes".to_owned(), (wants <= left).into()),
            ("used".to_owned(), show(used)),
            ("reserved".to_owned(), show(reserved)),
            ("left".to_owned(), show(left)),
            ("resets_at".to_owned(), rfc3339(window.ends_at()).into()),
        ]))
    }
}

fn running(bucket: &Bucket, most: u32) -> Told {
    let running = bucket.running();
    Told::from_iter([
        ("passes".to_owned(), (running < most).into()),
        ("running".to_owned(), running.into()),
    ])
}

/// What the rule is, and who set it.
fn told(held: &Holding) -> Told {
    let (counts, rule) = match held.says {
        Says::Requests(rate) => ("requests", rate.to_string()),
        Says::TokensPerMinute(most) => ("tokens_per_minute", format!("{most} tokens/m")),
        Says::Concurrency(most) => ("concurrency", format!("{most} running")),
        Says::Budget(budget) => ("budget", budget.to_string()),
    };
    let set_by = match held.set_by {
        SetBy::Default => "default".to_owned(),
        SetBy::Configuration => "configuration".to_owned(),
        SetBy::Organization(id) => id.to_string(),
        SetBy::Application(id) => id.to_string(),
        SetBy::AddOn(id) => id.to_string(),
        SetBy::Key(id) => id.to_string(),
    };
    Told::from_iter([
        ("scope".to_owned(), held.scope.word().into()),
        ("counts".to_owned(), counts.into()),
        ("rule".to_owned(), rule.into()),
        ("set_by".to_owned(), set_by.into()),
        ("passes".to_owned(), Value::Null),
    ])
}

/// What is told of one rule.
type Told = serde_json::Map<String, Value>;
