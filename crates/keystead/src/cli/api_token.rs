//! `keystead api-token …`: what commands and scripts manage Keystead with.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Subcommand)]
pub(super) enum ApiToken {
    /// Make an API token for your own account; it is shown once
    Create(Create),
    /// List the API tokens that you may see
    List,
    /// End an API token
    Revoke {
        /// The API token's id
        #[arg(value_name = "API_TOKEN_ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What people call it
    #[arg(long)]
    name: String,
    /// What it may touch: all, read, applications, keys, addons, usage, audit; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<String>,
    /// How long it lasts, in seconds, up to 366 days [default: 90 days]
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u64>,
}

impl ApiToken {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Create(create) => create.run(&client).await,
            Self::List => {
                let rows = client.list(PATH, &[]).await?;
                let columns = [
                    ("api token", "api_token_id"),
                    ("account", "account_id"),
                    ("scopes", "scopes"),
                    ("ends", "expires_at"),
                    ("revoked", "revoked"),
                    ("name", "name"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Revoke { id } => {
                client.delete(&format!("{PATH}/{}", segment(&id))).await?;
                let json = json!({ "api_token_id": id, "revoked": true });
                Ok(Answer::new(json, "Revoked"))
            }
        }
    }
}

impl Create {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let mut body = json!({ "name": self.name, "scopes": self.scopes });
        if let Some(ttl) = self.ttl {
            body["expires_in_s"] = ttl.into();
        }
        let made = client.post(PATH, &body).await?;
        let rows = [
            ("id", &made["api_token_id"]),
            ("scopes", &made["scopes"]),
            ("ends", &made["expires_at"]),
            ("api token", &made["api_token"]),
        ];
        let note = "It is shown this once; put it into KEYSTEAD_API_TOKEN.\n";
        let text = format!("{}{note}", fields(&rows));
        Ok(Answer::new(made, text))
    }
}

const PATH: &str = "/api/v1/api-tokens";
const EMPTY: &str = "No API tokens";
