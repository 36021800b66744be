//! `keystead limits …`: what may be used, and how much of it.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Limits {
    /// Set the rules of an application, an AddOn, a key or the organization, in place of those it has
    Set(Set),
    /// Show the rules that an object carries
    Show {
        /// An id (app_…, add_…, key_…), or `organization`
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Tell which rules hold for a call, who set them, what is left, and whether it would pass
    Check(Check),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Rules: `10/s burst 20` (also /m, /h, /d), `20000 tokens/m`, `5 running`, and budgets such as
`1000 requests/day` or `20 USD/month` (requests, tokens, characters, images, credits, USD).")]
pub(super) struct Set {
    /// An id (app_…, add_…, key_…), or `organization`
    #[arg(value_name = "ID")]
    id: String,
    /// Rules for the object itself
    #[arg(value_name = "RULE")]
    rules: Vec<String>,
    /// A rule for each end user of an application or AddOn; may be repeated
    #[arg(long, value_name = "RULE")]
    each_subject: Vec<String>,
    /// A rule for each client address; may be repeated
    #[arg(long, value_name = "RULE")]
    each_address: Vec<String>,
    /// Take all its rules away; the defaults hold again
    #[arg(long, conflicts_with_all = ["rules", "each_subject", "each_address"])]
    none: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The AddOn that is called
    #[arg(long, value_name = "ADDON_ID")]
    addon: String,
    /// The end user, as the host names them
    #[arg(long)]
    uid: Option<String>,
    /// The client's address
    #[arg(long)]
    address: Option<String>,
    /// One of the provider's operations [default: the first that fits the AddOn's type]
    #[arg(long)]
    operation: Option<String>,
    /// The model
    #[arg(long)]
    model: Option<String>,
    /// The most output that the call asks for
    #[arg(long, value_name = "TOKENS")]
    max_output_tokens: Option<u64>,
    /// How long the request is
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    body_bytes: u64,
}

impl Limits {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Set(set) => set.run(&client).await,
            Self::Show { id } => {
                let object = client.get(&path(&id)?).await?;
                Ok(shown(&id, &object))
            }
            Self::Check(check) => check.run(&client).await,
        }
    }
}

impl Set {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let mut limits = rules(&self.rules)?;
        for (name, texts) in [
            ("each_subject", &self.each_subject),
            ("each_address", &self.each_address),
        ] {
            if !texts.is_empty() {
                limits.insert(name.to_owned(), rules(texts)?.into());
            }
        }
        if limits.is_empty() && !self.none {
            return Err(Failure::usage(
                "name at least one rule, or --none to take all of them away",
            ));
        }
        let body = json!({ "limits": limits });
        let object = client.patch(&path(&self.id)?, &body).await?;
        Ok(shown(&self.id, &object))
    }
}

impl Check {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let body = json!({
            "addon_id": self.addon,
            "uid": self.uid,
            "address": self.address,
            "operation": self.operation,
            "model": self.model,
            "max_output_tokens": self.max_output_tokens,
            "body_bytes": self.body_bytes,
        });
        let told = client.post("/api/v1/limits/check", &body).await?;
        let columns = [
            ("of", "scope"),
            ("rule", "rule"),
            ("set by", "set_by"),
            ("passes", "passes"),
            ("used", "used"),
            ("reserved", "reserved"),
            ("left", "left"),
            ("resets", "resets_at"),
        ];
        let rules = told["rules"].as_array().map_or(&[][..], Vec::as_slice);
        let verdict = match told["refused_by"].as_object() {
            None => "It would pass.".to_owned(),
            Some(rule) => format!(
                "It would be refused: {} of the {} (set by {}).",
                text(&rule["rule"]),
                text(&rule["scope"]),
                text(&rule["set_by"]),
            ),
        };
        let table = table(rules, &columns, "No rule holds");
        Ok(Answer::new(told, format!("{table}\n{verdict}")))
    }
}

/// The JSON that the API wants of rules as people write them.
fn rules(texts: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut rules = Map::new();
    let (mut rates, mut budgets) = (Vec::new(), Vec::new());
    for text in texts {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [count, "tokens/m"] => {
                rules.insert("tokens_per_minute".to_owned(), number(count, text)?);
            }
            [count, "running"] => {
                rules.insert("concurrency".to_owned(), number(count, text)?);
            }
            [_, rest] if rest.ends_with("/day") || rest.ends_with("/month") => {
                budgets.push(text.as_str());
            }
            _ => rates.push(text.as_str()),
        }
    }
    if !rates.is_empty() {
        rules.insert("requests".to_owned(), rates.join(", ").into());
    }
    if !budgets.is_empty() {
        rules.insert("budgets".to_owned(), budgets.into());
    }
    Ok(rules)
}

fn number(text: &str, rule: &str) -> Result<Value, Failure> {
    text.parse::<u32>()
        .map(Value::from)
        .map_err(|_| Failure::usage(format!("`{rule}` does not begin with a whole number")))
}

/// Where the object is.
fn path(id: &str) -> Result<String, Failure> {
    let list = match id.split_once('_').map_or(id, |(prefix, _)| prefix) {
        "app" => "applications",
        "add" => "addons",
        "key" => "keys",
        "org" | "organization" => return Ok("/api/v1/organization".to_owned()),
        _ => {
            return Err(Failure::usage(
                "limits are set on an application (app_…), an AddOn (add_…), a key (key_…) or \
                 `organization`",
            ));
        }
    };
    Ok(format!("/api/v1/{list}/{}", segment(id)))
}

fn shown(id: &str, object: &Value) -> Answer {
    let limits = &object["limits"];
    let mut lines = Vec::new();
    lines.extend(said(limits).into_iter().map(|rule| ("itself", rule)));
    for (name, label) in [
        ("each_subject", "each end user"),
        ("each_address", "each address"),
    ] {
        lines.extend(said(&limits[name]).into_iter().map(|rule| (label, rule)));
    }
    let text = match lines.is_empty() {
        true => format!("{id} has no rules of its own; the defaults hold"),
        false => lines
            .iter()
            .map(|(label, rule)| format!("{label:<14} {rule}"))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Answer::new(json!({ "id": id, "limits": limits }), text)
}

/// Rules as people write them.
fn said(rules: &Value) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(rules["requests"].as_str().map(str::to_owned));
    let count = |name: &str| rules[name].as_u64();
    said.extend(count("tokens_per_minute").map(|count| format!("{count} tokens/m")));
    said.extend(count("concurrency").map(|count| format!("{count} running")));
    let budgets = rules["budgets"].as_array().into_iter().flatten();
    said.extend(budgets.filter_map(Value::as_str).map(str::to_owned));
    said
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_apart_by_their_shape() {
        let texts = [
            "10/s burst 20",
            "5000/d",
            "20000 tokens/m",
            "5 running",
            "20 USD/month",
            "1000 tokens/day",
        ]
        .map(str::to_owned);
        let read = rules(&texts).ok().unwrap();
        let expected = json!({
            "requests": "10/s burst 20, 5000/d",
            "tokens_per_minute": 20000,
            "concurrency": 5,
            "budgets": ["20 USD/month", "1000 tokens/day"],
        });
        assert_eq!(Value::from(read.clone()), expected);
        let again = said(&Value::from(read));
        assert_eq!(again[0], "10/s burst 20, 5000/d");
        assert_eq!(again[1..], texts[2..]);
        assert!(rules(&["many running".to_owned()]).is_err());
    }
}
