//! Which rules hold for a call, who set them, what is left, and would it pass?

use std::net::IpAddr;

use keystead_providers::{Access, AddOnType, Day, Facts, Operation, Usage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Manage, May, Problem, addons, fields::Fields, permission::right::SeeLimits, time::Moment,
};
use crate::{
    ids::AddOnId,
    limits::{
        Amounts, Bucket, Budget, Carriers, Charge, CounterName, Holding, Rule, Says, SetBy, Unit,
        Who,
    },
    store::{AddOn, Application, Key},
};

/// The call that is meant. A rule about what is left out is shown and not judged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LimitCheck)]
pub struct Meant {
    /// The AddOn that would be called.
    pub addon_id: String,
    /// The end user, as the host names them.
    pub uid: Option<String>,
    /// The client's address.
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// One of the provider's operations; by default the first that fits the AddOn's type.
    pub operation: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The most that the call would let the model write.
    pub max_output_tokens: Option<u64>,
    /// How long the request is.
    #[serde(default)]
    pub body_bytes: u64,
}

/// Whether a call would pass, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LimitCheckView {
    /// The AddOn that would be called.
    pub addon_id: AddOnId,
    /// Whether it would pass now.
    pub passes: bool,
    /// The first rule that would refuse it.
    pub refused_by: Option<RuleView>,
    /// The most that it may use, which is reserved while it runs.
    pub reserves: ReservesView,
    /// Every rule that holds for it.
    pub rules: Vec<RuleView>,
}

/// The most that a call may use; none where nothing tells.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReservesView {
    /// Tokens of input and output.
    pub tokens: u64,
    /// Characters.
    pub characters: Option<u64>,
    /// Images.
    pub images: Option<u64>,
    /// The provider's credits.
    pub credits: Option<String>,
    /// Dollars.
    pub usd: Option<String>,
}

/// A rule that holds for a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// For whom it counts.
    pub scope: &'static str,
    /// What it counts: `requests`, `tokens_per_minute`, `concurrency` or `budget`.
    pub counts: &'static str,
    /// What it says.
    pub rule: String,
    /// Who set it: an id, `configuration` or `default`.
    pub set_by: String,
    /// Whether the call would pass it; none where that depends on what was left out.
    pub passes: Option<bool>,
    /// How this stands now.
    #[serde(flatten)]
    pub left: LeftView,
}

/// What is left of a rule; of each only what goes with it.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LeftView {
    /// Of a rate: when the call would pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_after_s: Option<f64>,
    /// Of running calls: how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub running: Option<u32>,
    /// Of a budget: what was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used: Option<String>,
    /// Of a budget: what is held for calls that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reserved: Option<String>,
    /// Of a budget: what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left: Option<String>,
    /// Of a budget: when it starts anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resets_at: Option<Moment>,
}

/// Judges without taking anything.
pub async fn check(
    manage: &Manage,
    caller: &May<SeeLimits>,
    meant: Meant,
) -> Result<LimitCheckView, Problem> {
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
    let key = addons::key_of(manage, &addon).await?;

    let carriers = Carriers {
        organization: (organization.id, &organization.limits),
        application: (application.id, &application.limits),
        addon: (addon.id, &addon.limits),
        key: key.as_ref().map(|key| (key.id, &key.limits)),
    };
    let who = who(manage, &application, &addon, key.as_ref(), &meant).await?;
    let operation = operation(&addon, key.as_ref(), &meant)?;
    let most = most(operation, &meant);
    let cost = manage.cost(operation, key.as_ref(), meant.model.as_deref(), &most);
    let amounts = Amounts::of_call(&most, cost);
    let mut rules = Vec::new();
    for held in manage.0.defaults.holdings(&carriers) {
        let (mut passes, left) = match held.says {
            Says::Budget(budget) => manage.budget(&held, &who, budget, &amounts).await?,
            _ => manage.rate(&held, &who, amounts.of(Unit::Tokens)),
        };
        // What nobody knows the cost of is refused, however much is left.
        let counts_money = matches!(held.says, Says::Budget(budget) if budget.unit == Unit::Money);
        if counts_money && operation.is_some() && cost.is_none() {
            passes = Some(false);
        }
        rules.push(told(&held, passes, left));
    }
    let refused_by = rules.iter().find(|rule| rule.passes == Some(false));
    Ok(LimitCheckView {
        addon_id: addon.id,
        passes: refused_by.is_none(),
        refused_by: refused_by.cloned(),
        reserves: ReservesView {
            tokens: most.tokens(),
            characters: most.characters,
            images: most.images,
            credits: most
                .credits_milli
                .map(|milli| Unit::Credits.show(milli.cast_signed())),
            usd: cost.map(|cost| Unit::Money.show(cost.cast_signed())),
        },
        rules,
    })
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
    fn rate(&self, held: &Holding, who: &Who, tokens: i64) -> (Option<bool>, LeftView) {
        let Some(place) = held.place(who) else {
            return (None, LeftView::default());
        };
        let bucket = self.0.limits.limiter.bucket(place);
        let (rule, cost) = match held.says {
            Says::Requests(rate) => (Rule::calls(rate), 1),
            Says::TokensPerMinute(most) => (Rule::tokens_per_minute(most), tokens),
            Says::Concurrency(most) => return running(&bucket, most),
            Says::Budget(_) => return (None, LeftView::default()),
        };
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let charge = Charge { bucket, rule, cost };
        let wait = self.0.limits.limiter.look(&charge);
        let left = LeftView {
            retry_after_s: Some(wait.as_secs_f64().ceil()),
            ..LeftView::default()
        };
        (Some(wait.is_zero()), left)
    }

    /// What is left of a budget, in all processes.
    async fn budget(
        &self,
        held: &Holding,
        who: &Who,
        budget: Budget,
        amounts: &Amounts,
    ) -> Result<(Option<bool>, LeftView), Problem> {
        let Some(holder) = held.holder(who) else {
            return Ok((None, LeftView::default()));
        };
        let name = CounterName {
            organization: who.organization,
            holder,
            unit: budget.unit,
            period: budget.period,
            window: budget.period.window(self.store().clock().now()),
        };
        let state = self.budget_state(&name).await?;
        let passes = amounts.of(budget.unit) <= state.left(budget.amount);
        Ok((Some(passes), state.shown(&name, budget.amount)))
    }

    /// What was used of a budget, and what is held of it.
    pub(super) async fn budget_state(&self, name: &CounterName) -> Result<BudgetState, Problem> {
        // What other processes have leased is theirs to use; of this one it is known what is held.
        let (used, leased) = self.store().budget_state(name).await?;
        let own = self.0.limits.counters.find(name);
        let unwritten = own.as_ref().map_or(0, |counter| counter.unwritten());
        let idle = own.as_ref().map_or(0, |counter| counter.idle());
        Ok(BudgetState {
            used: used + unwritten,
            reserved: (leased - unwritten - idle).max(0),
        })
    }
}

/// How a budget stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct BudgetState {
    pub(super) used: i64,
    reserved: i64,
}

impl BudgetState {
    pub(super) fn left(self, amount: i64) -> i64 {
        (amount - self.used - self.reserved).max(0)
    }

    pub(super) fn shown(self, name: &CounterName, amount: i64) -> LeftView {
        LeftView {
            used: Some(name.unit.show(self.used)),
            reserved: Some(name.unit.show(self.reserved)),
            left: Some(name.unit.show(self.left(amount))),
            resets_at: Some(Moment(name.window.ends_at())),
            ..LeftView::default()
        }
    }
}

fn running(bucket: &Bucket, most: u32) -> (Option<bool>, LeftView) {
    let running = bucket.running();
    let left = LeftView {
        running: Some(running),
        ..LeftView::default()
    };
    (Some(running < most), left)
}

/// What the rule is, and who set it.
fn told(held: &Holding, passes: Option<bool>, left: LeftView) -> RuleView {
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
    RuleView {
        scope: held.scope.word(),
        counts,
        rule,
        set_by,
        passes,
        left,
    }
}
