//! Limits on pages: a form of rules, and the table of what holds for a call.
//!
//! The fields of the form are named as the pointers of a refused body, so that what is wrong with a
//! rule stands beside it: `limits/each_subject/requests`.

use super::{Console, Form, Person, Refused};
use crate::{
    ids::AddOnId,
    limits::{RowLimits, Rules},
    manage::{
        limit_check::{self, Meant, RuleView},
        limits::{Wanted, WantedForEach},
        permission::{Action, right::SeeLimits},
    },
};

/// Where the rules of the object itself stand, of each end user, of each client address.
const OWN: &str = "limits";
const EACH_SUBJECT: &str = "limits/each_subject";
const EACH_ADDRESS: &str = "limits/each_address";

/// A rule as a label and what it says, for those who may not change it.
type Told = (&'static str, String);

/// The rules of an object in a form.
pub(super) fn form(limits: &RowLimits) -> Form {
    let mut form = Form::default();
    fill(&mut form, limits);
    form
}

/// Shows the rules of an object in a form that has more.
pub(super) fn fill(form: &mut Form, limits: &RowLimits) {
    fill_rules(form, OWN, &limits.own);
    fill_rules(form, EACH_SUBJECT, &limits.each_subject);
    fill_rules(form, EACH_ADDRESS, &limits.each_address);
}

fn fill_rules(form: &mut Form, place: &str, rules: &Rules) {
    let mut put = |name: &str, value: Option<String>| {
        form.put(&format!("{place}/{name}"), value.unwrap_or_default());
    };
    put("requests", rules.requests.as_ref().map(ToString::to_string));
    put(
        "tokens_per_minute",
        rules.tokens_per_minute.map(|count| count.to_string()),
    );
    put(
        "concurrency",
        rules.concurrency.map(|count| count.to_string()),
    );
    let budgets: Vec<_> = rules.budgets.iter().map(ToString::to_string).collect();
    put("budgets", Some(budgets.join("\n")));
}

/// What was typed, for an object that others use.
pub(super) fn read_for_each(form: &mut Form) -> WantedForEach {
    let own = read_rules(form, OWN);
    WantedForEach {
        requests: own.requests,
        tokens_per_minute: own.tokens_per_minute,
        concurrency: own.concurrency,
        budgets: own.budgets,
        each_subject: read_rules(form, EACH_SUBJECT),
        each_address: read_rules(form, EACH_ADDRESS),
    }
}

/// What was typed, for an object alone.
pub(super) fn read(form: &mut Form) -> Wanted {
    read_rules(form, OWN)
}

fn read_rules(form: &mut Form, place: &str) -> Wanted {
    let name = |field: &str| format!("{place}/{field}");
    Wanted {
        requests: form.filled(&name("requests")).map(ToOwned::to_owned),
        tokens_per_minute: count(form, &name("tokens_per_minute")),
        concurrency: count(form, &name("concurrency")),
        budgets: form.lines(&name("budgets")),
    }
}

/// A number; `20 000` and `20,000` are one as well. What is none is marked, and 0 is refused with
/// the other mistakes.
fn count(form: &mut Form, name: &str) -> Option<u64> {
    let typed = form.filled(name)?;
    let digits: String = typed.chars().filter(|c| !" ,_'".contains(*c)).collect();
    let count = digits.parse().ok();
    if count.is_none() {
        form.mark(name, "Expected a whole number");
    }
    count
}

impl Form {
    /// The rules that a form shows, in words.
    pub(super) fn told(&self) -> Vec<Told> {
        const LABELS: &[(&str, &str)] = &[
            ("limits/requests", "Calls"),
            ("limits/tokens_per_minute", "Tokens a minute"),
            ("limits/concurrency", "Running at once"),
            ("limits/budgets", "Budgets"),
            ("limits/each_subject/requests", "Each end user: calls"),
            (
                "limits/each_subject/tokens_per_minute",
                "Each end user: tokens a minute",
            ),
            (
                "limits/each_subject/concurrency",
                "Each end user: running at once",
            ),
            ("limits/each_subject/budgets", "Each end user: budgets"),
            ("limits/each_address/requests", "Each address: calls"),
            (
                "limits/each_address/tokens_per_minute",
                "Each address: tokens a minute",
            ),
            (
                "limits/each_address/concurrency",
                "Each address: running at once",
            ),
        ];
        let told = LABELS.iter().filter_map(|(name, label)| {
            let says = self.filled(name)?;
            Some((*label, says.replace('\n', ", ")))
        });
        told.collect()
    }
}

/// One rule that holds for a call.
#[derive(Debug)]
pub(super) struct Rule {
    /// Whom it counts for.
    pub(super) holds_for: &'static str,
    /// What it says.
    pub(super) rule: String,
    /// Who set it, and where that can be changed.
    pub(super) setter: &'static str,
    pub(super) setter_href: Option<String>,
    /// What is left of it now.
    pub(super) left: String,
    /// Whether a call would pass; nothing where it is counted for each of many.
    pub(super) passes: Option<bool>,
}

/// Every rule that holds for a call of an AddOn, and what is left of it now.
pub(super) async fn in_force(
    console: &Console,
    person: &Person,
    addon: AddOnId,
) -> Result<Vec<Rule>, Refused> {
    let may = person.may::<SeeLimits>(console).await?;
    let meant = Meant {
        addon_id: addon.to_string(),
        ..Meant::default()
    };
    let checked = limit_check::check(console.manage(), &may, meant).await?;
    let rules = checked.rules.iter();
    Ok(rules.map(|view| rule(view, person)).collect())
}

fn rule(view: &RuleView, person: &Person) -> Rule {
    let (setter, setter_href) = setter(&view.set_by, person);
    Rule {
        holds_for: match view.scope {
            "token" => "Each token",
            "subject" => "Each end user",
            "address" => "Each client address",
            "addon" => "The AddOn",
            "application" => "The application",
            "key" => "The key",
            "organization" => "The organization",
            other => other,
        },
        rule: view.rule.clone(),
        setter,
        setter_href,
        left: left(view),
        passes: view.passes,
    }
}

/// Who set a rule, and the page where that can be changed, or at least seen.
fn setter(set_by: &str, person: &Person) -> (&'static str, Option<String>) {
    let page = |path: &str, editor: Action| {
        let limits = if person.is_allowed(editor) {
            "/limits"
        } else {
            ""
        };
        Some(format!("/console/{path}/{set_by}{limits}"))
    };
    match set_by.split('_').next().unwrap_or_default() {
        "default" => ("default", None),
        "configuration" => ("configuration", None),
        "app" => (
            "application",
            page("applications", Action::EditApplications),
        ),
        "add" => ("AddOn", page("addons", Action::EditAddOns)),
        "key" => ("key", page("providers", Action::EditKeys)),
        "org" => ("organization", Some("/console/organization".to_owned())),
        _ => ("", None),
    }
}

/// How a rule stands, in words.
fn left(view: &RuleView) -> String {
    let now = &view.left;
    match (&now.left, &now.used, now.running, now.retry_after_s) {
        (Some(left), Some(used), _, _) => format!("{left} left, {used} used"),
        (_, _, Some(running), _) => format!("{running} running"),
        (_, _, _, Some(wait)) if wait > 0.0 => format!("again in {wait:.0} s"),
        _ => "passes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_back_as_they_were_shown() {
        let text = r#"{"requests":"10/s burst 20, 1000/d","tokens_per_minute":20000,"concurrency":5,"budgets":["20 USD/month","5 images/day"],"each_subject":{"budgets":["50 requests/day"]},"each_address":{"requests":"5/s"}}"#;
        let limits: RowLimits = serde_json::from_str(text).unwrap();
        let mut form = Form::default();
        fill(&mut form, &limits);
        assert_eq!(form.value("limits/budgets"), "20 USD/month\n5 images/day");
        let wanted = read_for_each(&mut form);
        assert!(!form.is_wrong());
        assert_eq!(wanted.requests.as_deref(), Some("10/s burst 20, 1000/d"));
        assert_eq!(
            (wanted.tokens_per_minute, wanted.concurrency),
            (Some(20_000), Some(5))
        );
        assert_eq!(wanted.each_subject.budgets, ["50 requests/day"]);
        assert_eq!(wanted.each_address.requests.as_deref(), Some("5/s"));
        assert_eq!(form.told().len(), 6);
    }

    #[test]
    fn a_number_may_be_written_with_gaps_and_must_be_one() {
        let typed = [
            ("limits/tokens_per_minute", "20 000"),
            ("limits/concurrency", "many"),
        ];
        let mut form = Form::of(typed);
        let wanted = read(&mut form);
        assert_eq!(wanted.tokens_per_minute, Some(20_000));
        assert_eq!(wanted.concurrency, None);
        assert_eq!(
            form.error("limits/concurrency"),
            Some("Expected a whole number")
        );
    }
}
