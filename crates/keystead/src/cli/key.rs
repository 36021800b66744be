//! `keystead key …`: provider keys. The key itself goes in and never comes out.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure, secret};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Seal a provider key, read from standard input
    Add(Add),
    /// List the keys
    List {
        /// Of this application only
        #[arg(long, value_name = "APP_ID")]
        app: Option<String>,
    },
    /// Ask the provider whether a key works
    Check {
        /// The key
        #[arg(value_name = "KEY_ID")]
        id: String,
    },
    /// Replace a key by a new one, read from standard input; no call fails meanwhile
    Rotate(Rotate),
    /// Call a key something else
    Rename {
        /// The key
        #[arg(value_name = "KEY_ID")]
        id: String,
        /// What people call it
        #[arg(long)]
        name: String,
    },
    /// Refuse every call with a key and cut its running streams
    Disable {
        /// The key
        #[arg(value_name = "KEY_ID")]
        id: String,
    },
    /// Undo `disable`
    Enable {
        /// The key
        #[arg(value_name = "KEY_ID")]
        id: String,
    },
    /// Destroy a key for good
    Delete {
        /// The key
        #[arg(value_name = "KEY_ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The application it is for
    #[arg(long, value_name = "APP_ID")]
    app: String,
    #[arg(long, help = format!("Whose key it is: {}", providers()))]
    provider: String,
    /// What people call it
    #[arg(long)]
    name: String,
    /// The resource's address (Azure), or another regional host of the provider
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Do not ask the provider whether it works
    #[arg(long)]
    skip_check: bool,
    /// Read the key from this file in place of standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The key
    #[arg(value_name = "KEY_ID")]
    id: String,
    /// How long the old version is kept, in seconds, for calls that run with it
    #[arg(long, value_name = "SECONDS")]
    overlap: Option<u64>,
    /// Do not ask the provider whether the new key works
    #[arg(long)]
    skip_check: bool,
    /// Read the new key from this file in place of standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct AddBody<'a> {
    application_id: &'a str,
    provider: &'a str,
    name: &'a str,
    endpoint: Option<&'a str>,
    skip_check: bool,
    key: &'a str,
}

#[derive(Serialize)]
struct RotateBody<'a> {
    overlap_s: Option<u64>,
    skip_check: bool,
    key: &'a str,
}

impl Key {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Add(add) => add.run(&client).await,
            Self::Rotate(rotate) => rotate.run(&client).await,
            Self::List { app } => {
                let filter: Vec<_> = app
                    .iter()
                    .map(|app| ("application_id", app.as_str()))
                    .collect();
                let rows = client.list(PATH, &filter).await?;
                let columns = [
                    ("key", "key_id"),
                    ("provider", "provider"),
                    ("ends in", "last4"),
                    ("status", "status"),
                    ("disabled", "disabled"),
                    ("name", "name"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Rename { id, name } => {
                let path = format!("{PATH}/{}", segment(&id));
                Ok(shown(client.patch(&path, &json!({ "name": name })).await?))
            }
            Self::Check { id } => Ok(shown(client.post(&act(&id, "check"), &json!({})).await?)),
            Self::Disable { id } => Ok(shown(client.post(&act(&id, "disable"), &json!({})).await?)),
            Self::Enable { id } => Ok(shown(client.post(&act(&id, "enable"), &json!({})).await?)),
            Self::Delete { id } => {
                client.delete(&format!("{PATH}/{}", segment(&id))).await?;
                let json = json!({ "key_id": id, "deleted": true });
                Ok(Answer::new(
                    json,
                    "Destroyed; AddOns that used it have no key now",
                ))
            }
        }
    }
}

impl Add {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let key = secret::read("key", self.key_file.as_deref())?;
        let body = AddBody {
            application_id: &self.app,
            provider: &self.provider,
            name: &self.name,
            endpoint: self.endpoint.as_deref(),
            skip_check: self.skip_check,
            key: &key,
        };
        Ok(shown(client.post_secret(PATH, &body).await?))
    }
}

impl Rotate {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let key = secret::read("key", self.key_file.as_deref())?;
        let body = RotateBody {
            overlap_s: self.overlap,
            skip_check: self.skip_check,
            key: &key,
        };
        Ok(shown(
            client.post_secret(&act(&self.id, "rotate"), &body).await?,
        ))
    }
}

fn shown(key: Value) -> Answer {
    let rows = [
        ("key", &key["key_id"]),
        ("provider", &key["provider"]),
        ("name", &key["name"]),
        ("goes to", &key["destination"]),
        ("ends in", &key["last4"]),
        ("status", &key["status"]),
        ("version", &key["version"]),
        ("disabled", &key["disabled"]),
        ("note", &key["note"]),
    ];
    let text = fields(&rows);
    Answer::new(key, text)
}

fn providers() -> String {
    let names = keystead_providers::ALL
        .iter()
        .map(|provider| provider.about().name);
    names.collect::<Vec<_>>().join(", ")
}

fn act(id: &str, verb: &str) -> String {
    format!("{PATH}/{}/{verb}", segment(id))
}

const PATH: &str = "/api/v1/keys";
const EMPTY: &str = "No keys yet; `keystead key add` seals one";
