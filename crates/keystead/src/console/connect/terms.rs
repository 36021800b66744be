//! How far an application may go with a key, as a form asks for it.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    connect::GrantTerms,
    console::{Form, Refused},
    limits::{Budget, Period, Unit},
    manage::Problem,
};

/// What the fields are called: where a page asks for several keys, each has its own.
#[derive(Clone, Debug)]
pub(in crate::console) struct Names {
    pub(in crate::console) usd: String,
    pub(in crate::console) requests: String,
    pub(in crate::console) models: String,
    pub(in crate::console) until: String,
}

/// What can be chosen as an end, and in how many days that is.
const ENDS: [(&str, &str, Option<u64>); 4] = [
    ("year", "1 year from now", Some(365)),
    ("quarter", "90 days from now", Some(90)),
    ("month", "30 days from now", Some(30)),
    ("never", "I withdraw it", None),
];

/// The end that there is already.
const KEEP: &str = "keep";

impl Names {
    /// Of the only key on a page.
    pub(in crate::console) fn plain() -> Self {
        Self::with("")
    }

    /// Of the key of a provider.
    pub(in crate::console) fn of(provider: &str) -> Self {
        Self::with(&format!("-{provider}"))
    }

    fn with(ending: &str) -> Self {
        Self {
            usd: format!("usd{ending}"),
            requests: format!("requests{ending}"),
            models: format!("models{ending}"),
            until: format!("until{ending}"),
        }
    }

    /// What a form begins with: something that nobody is ruined by.
    pub(in crate::console) fn suggest(&self, form: &mut Form) {
        form.put(&self.usd, "10.00");
        form.put(&self.until, "year");
    }

    /// The ends to choose from.
    pub(in crate::console) fn ends(&self) -> Vec<(&'static str, &'static str)> {
        ENDS.iter().map(|(word, text, _)| (*word, *text)).collect()
    }

    /// A form that shows what holds.
    pub(in crate::console) fn fill(&self, form: &mut Form, terms: &GrantTerms) {
        for budget in &terms.budgets {
            let text = budget.to_string();
            let amount = text.split(' ').next().unwrap_or_default();
            match (budget.unit, budget.period) {
                (Unit::Money, Period::Month) => form.put(&self.usd, amount),
                (Unit::Requests, Period::Month) => form.put(&self.requests, amount),
                _ => {}
            }
        }
        form.put(&self.models, terms.models.join("\n"));
        let word = if terms.ends_at.is_some() {
            KEEP
        } else {
            "never"
        };
        form.put(&self.until, word);
    }

    /// Marks what the acts refused, by the names that the page has for it.
    pub(in crate::console) fn refused(
        &self,
        form: &mut Form,
        problem: Problem,
    ) -> Result<(), Refused> {
        form.refused(problem)?;
        form.rename("ends_at", &self.until, "Choose an end that lies ahead");
        form.rename_field("models", &self.models);
        form.rename_field("budgets", &self.usd);
        Ok(())
    }

    /// What was typed; marks what can't be used. What the form does not show of `current` stays.
    pub(in crate::console) fn read(
        &self,
        form: &mut Form,
        now: Timestamp,
        current: Option<&GrantTerms>,
    ) -> GrantTerms {
        let is_shown = |one: &Budget| {
            one.period == Period::Month && matches!(one.unit, Unit::Money | Unit::Requests)
        };
        let kept = current
            .map(|terms| terms.budgets.clone())
            .unwrap_or_default();
        let mut budgets: Vec<Budget> = kept.into_iter().filter(|one| !is_shown(one)).collect();
        for (name, word, wrong) in [
            (&self.usd, "USD", "Expected an amount such as 10 or 2.50"),
            (
                &self.requests,
                "requests",
                "Expected a whole number such as 500",
            ),
        ] {
            let Some(typed) = form.filled(name) else {
                continue;
            };
            let typed = typed.trim_start_matches('$').trim().replace(',', ".");
            match format!("{typed} {word}/month").parse::<Budget>() {
                Ok(budget) => budgets.push(budget),
                Err(_) => form.mark(name, wrong),
            }
        }
        let models = form.lines(&self.models);
        let chosen = form.value(&self.until).to_owned();
        let ends_at = match ENDS.iter().find(|(word, ..)| *word == chosen) {
            Some((.., days)) => days.map(|days| now + Duration::from_secs(days * 86_400)),
            None if chosen == KEEP => current.and_then(|terms| terms.ends_at),
            None => {
                form.mark(&self.until, "Choose when it ends");
                None
            }
        };
        GrantTerms {
            models,
            budgets,
            ends_at,
        }
    }
}

/// How far an application may go, a sentence each.
pub(in crate::console) fn in_words(terms: &GrantTerms) -> Vec<String> {
    let mut words: Vec<String> = terms
        .budgets
        .iter()
        .map(|budget| {
            let text = budget.to_string();
            let (amount, period) = text.split_once('/').unwrap_or((&text, "month"));
            format!("{amount} a {period}")
        })
        .collect();
    match &terms.models[..] {
        [] => {}
        models => words.push(format!("Models: {}", models.join(", "))),
    }
    if words.is_empty() {
        words.push("No limit here".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)], current: Option<&GrantTerms>) -> (GrantTerms, Vec<String>) {
        let mut form = Form::default();
        for (name, value) in fields {
            form.put(name, *value);
        }
        let terms = Names::plain().read(&mut form, Timestamp::from_micros(0), current);
        let wrong = form.errors().iter().map(|one| one.field.clone()).collect();
        (terms, wrong)
    }

    #[test]
    fn what_people_type_is_what_holds() {
        let (terms, wrong) = read(
            &[
                ("usd", "$ 2,50"),
                ("requests", "500"),
                ("models", "a\r\n\r\nb"),
                ("until", "month"),
            ],
            None,
        );
        assert!(wrong.is_empty(), "{wrong:?}");
        let budgets: Vec<String> = terms.budgets.iter().map(ToString::to_string).collect();
        assert_eq!(budgets, ["2.5 USD/month", "500 requests/month"]);
        assert_eq!(terms.models, ["a", "b"]);
        let days = terms.ends_at.map(|end| end.as_secs() / 86_400);
        assert_eq!(days, Some(30));
        assert_eq!(
            in_words(&terms),
            ["2.5 USD a month", "500 requests a month", "Models: a, b"]
        );

        let (terms, wrong) = read(&[("until", "never")], None);
        assert_eq!((terms, wrong.len()), (GrantTerms::default(), 0));
        let (_, wrong) = read(
            &[("usd", "lots"), ("requests", "1.5"), ("until", "x")],
            None,
        );
        assert_eq!(wrong, ["usd", "requests", "until"]);
    }

    #[test]
    fn what_a_form_does_not_show_stays() {
        let current = GrantTerms {
            models: Vec::new(),
            budgets: vec![
                "7 images/day".parse().unwrap(),
                "1 USD/month".parse().unwrap(),
            ],
            ends_at: Some(Timestamp::from_micros(5)),
        };
        let (terms, _) = read(&[("usd", "3"), ("until", KEEP)], Some(&current));
        let budgets: Vec<String> = terms.budgets.iter().map(ToString::to_string).collect();
        assert_eq!(budgets, ["7 images/day", "3 USD/month"]);
        assert_eq!(terms.ends_at, current.ends_at);
        let mut form = Form::default();
        Names::plain().fill(&mut form, &current);
        assert_eq!((form.value("usd"), form.value("until")), ("1", KEEP));
    }
}
