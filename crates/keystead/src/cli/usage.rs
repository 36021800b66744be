//! `keystead usage`: the ledger, added up.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Global, answer::*, client::Client, csv, failure::Failure, secret};

#[derive(Debug, Args)]
pub(super) struct Usage {
    /// How many days back, today included [default: 30, by the hour 1]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: Option<u16>,
    /// How time is cut; by the hour 7 days back at most
    #[arg(long, value_enum, default_value_t = By::Day)]
    by: By,
    /// Of this application only
    #[arg(long, value_name = "APP_ID")]
    app: Option<String>,
    /// Of this AddOn only
    #[arg(long, value_name = "ADDON_ID")]
    addon: Option<String>,
    /// Of this key only
    #[arg(long, value_name = "KEY_ID")]
    key: Option<String>,
    /// Of this model only
    #[arg(long)]
    model: Option<String>,
    /// Of this provider only
    #[arg(long)]
    provider: Option<String>,
    /// Of this end user of the application only, by day and AddOn; `-` reads the name from standard
    /// input
    #[arg(long, requires = "app", conflicts_with_all = ["by", "addon", "key", "model", "provider"])]
    uid: Option<String>,
    /// Print comma-separated values (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Day,
    Hour,
}

impl Usage {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        let rows = match self.uid {
            Some(_) => self.of_subject(&client).await?,
            None => self.of_all(&client).await?,
        };
        let list = rows.as_array().map_or(&[][..], Vec::as_slice);
        let time = match self.by {
            By::Day => "day",
            By::Hour => "hour",
        };
        let text = match self.csv {
            true => csv::lines(list, &columns(time).map(|(_, member)| member)),
            false => shown(list, time),
        };
        Ok(Answer::new(rows, text))
    }

    async fn of_all(&self, client: &Client) -> Result<Value, Failure> {
        let days = self.days.map(|days| days.to_string());
        let by = match self.by {
            By::Day => None,
            By::Hour => Some("hour"),
        };
        let given = [
            ("days", days.as_deref()),
            ("by", by),
            ("application_id", self.app.as_deref()),
            ("addon_id", self.addon.as_deref()),
            ("key_id", self.key.as_deref()),
            ("model", self.model.as_deref()),
            ("provider", self.provider.as_deref()),
        ];
        let filter: Vec<_> = given
            .iter()
            .filter_map(|(name, value)| value.map(|value| (*name, value)))
            .collect();
        client.list("/api/v1/usage", &filter).await
    }

    async fn of_subject(&self, client: &Client) -> Result<Value, Failure> {
        let typed = self.uid.as_deref().unwrap_or_default();
        let piped = match typed {
            "-" => Some(secret::read("uid", None)?),
            _ => None,
        };
        let uid = piped.as_ref().map_or(typed, |uid| uid.as_str());
        let mut wanted = json!({ "application_id": self.app, "uid": uid });
        if let Some(days) = self.days {
            wanted["days"] = days.into();
        }
        client.list_asked("/api/v1/usage/subject", wanted).await
    }
}

/// What a row has, and what it is called at the head of a table.
fn columns(time: &'static str) -> [(&'static str, &'static str); 24] {
    [
        (time, time),
        ("application", "application_id"),
        ("addon", "addon_id"),
        ("key", "key_id"),
        ("provider", "provider"),
        ("operation", "operation"),
        ("model", "model"),
        ("attempts", "attempts"),
        ("requests", "requests"),
        ("failed", "failed"),
        ("estimated", "estimated"),
        ("unpriced", "unpriced"),
        ("in", "input_tokens"),
        ("cached", "cached_tokens"),
        ("written", "cache_write_tokens"),
        ("out", "output_tokens"),
        ("reasoning", "reasoning_tokens"),
        ("chars", "characters"),
        ("images", "images"),
        ("seconds", "seconds"),
        ("transactions", "transactions"),
        ("credits/1000", "credits_milli"),
        ("cost $", "cost_usd"),
        ("unpriced $", "unpriced_usd"),
    ]
}

/// A table of what is not nothing, with a line of totals.
fn shown(rows: &[Value], time: &'static str) -> String {
    /// Their values stand beside each other in the AddOn, or repeat what is next to them.
    const LEFT_OUT: [&str; 3] = ["application_id", "key_id", "attempts"];
    const ALWAYS: [&str; 2] = ["requests", "cost_usd"];

    if rows.is_empty() {
        return "No calls yet\n".to_owned();
    }
    let total = total(rows, time);
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Number(number) => number.as_u64() == Some(0),
        other => other == "0.000000",
    };
    let all: Vec<&Value> = rows.iter().chain([&total]).collect();
    let columns: Vec<_> = columns(time)
        .into_iter()
        .filter(|(_, member)| {
            ALWAYS.contains(member)
                || (!LEFT_OUT.contains(member) && !all.iter().all(|row| is_nothing(&row[*member])))
        })
        .collect();
    let lines: Vec<Value> = all.into_iter().cloned().collect();
    table(&lines, &columns, "")
}

/// The sums of all rows, in the form of one.
fn total(rows: &[Value], time: &str) -> Value {
    let mut total = Map::new();
    for (name, value) in rows.iter().filter_map(Value::as_object).flatten() {
        if let Some(more) = value.as_u64() {
            let sum = total.get(name).and_then(Value::as_u64).unwrap_or(0);
            total.insert(name.clone(), sum.saturating_add(more).into());
        } else if name.ends_with("_usd") {
            let known = total.get(name).and_then(Value::as_str).and_then(micro);
            let sum = micro(value.as_str().unwrap_or_default()).unwrap_or(0);
            let sum = known.unwrap_or(0).saturating_add(sum);
            let text = format!("{}.{:06}", sum / 1_000_000, sum % 1_000_000);
            total.insert(name.clone(), text.into());
        }
    }
    total.insert(time.to_owned(), "total".into());
    Value::Object(total)
}

/// Millionths of a dollar, from `1.000000`.
fn micro(dollars: &str) -> Option<u64> {
    let (whole, part) = dollars.split_once('.')?;
    format!("{whole}{part}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_what_is_there_and_adds_it_up() {
        let rows = [
            json!({"day": "2026-11-20", "addon_id": "add_1", "model": "m", "requests": 2,
                "failed": 0, "input_tokens": 7, "images": 0, "cost_usd": "0.999999",
                "unpriced_usd": "0.000000"}),
            json!({"day": "2026-11-21", "addon_id": "add_1", "model": null, "requests": 1,
                "failed": 0, "input_tokens": 5, "images": 0, "cost_usd": "0.000002",
                "unpriced_usd": "0.000000"}),
        ];
        let expected = "\
DAY         ADDON  MODEL  REQUESTS  IN  COST $
2026-11-20  add_1  m      2         7   0.999999
2026-11-21  add_1         1         5   0.000002
total                     3         12  1.000001
";
        assert_eq!(shown(&rows, "day"), expected);
        assert_eq!(shown(&[], "day"), "No calls yet\n");
    }
}
