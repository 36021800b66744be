//! `keystead usage`: the ledger, summed by day.

use clap::Args;

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Args)]
pub(super) struct Usage {
    /// How many days back, today included
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Of this application only
    #[arg(long, value_name = "APP_ID")]
    app: Option<String>,
}

impl Usage {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        let days = self.days.to_string();
        let mut filter = vec![("days", days.as_str())];
        if let Some(app) = &self.app {
            filter.push(("application_id", app));
        }
        let rows = client.list("/api/v1/usage", &filter).await?;
        let columns = [
            ("day", "day"),
            ("addon", "addon_id"),
            ("provider", "provider"),
            ("operation", "operation"),
            ("model", "model"),
            ("calls", "attempts"),
            ("in", "input_tokens"),
            ("out", "output_tokens"),
            ("chars", "characters"),
            ("images", "images"),
        ];
        let text = table(
            rows.as_array().map_or(&[], Vec::as_slice),
            &columns,
            "No calls yet",
        );
        Ok(Answer::new(rows, text))
    }
}
