//! `keystead addon …`: what an application's users may do with a key.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Addon {
    /// Activate an AI capability for an application
    Install(Install),
    /// List the AddOns
    List {
        /// Of this application only
        #[arg(long, value_name = "APP_ID")]
        app: Option<String>,
    },
    /// Change an AddOn; what is not named stays
    Update(Update),
    /// Refuse every call of an AddOn and cut its running streams
    Disable {
        /// The AddOn
        #[arg(value_name = "ADDON_ID")]
        id: String,
    },
    /// Undo `disable`
    Enable {
        /// The AddOn
        #[arg(value_name = "ADDON_ID")]
        id: String,
    },
    /// Remove an AddOn for good
    Remove {
        /// The AddOn
        #[arg(value_name = "ADDON_ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Install {
    /// The application it is for
    #[arg(long, value_name = "APP_ID")]
    app: String,
    /// What it is called in addresses: lower-case letters, digits and hyphens
    #[arg(long)]
    handle: String,
    /// What it is for: text, translation, image, alt-text or any
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// The stored key that it uses; with `--key-source user` it may be left out
    #[arg(long, value_name = "KEY_ID")]
    key: Option<String>,
    /// Whose key it uses: application, user or user-then-application
    #[arg(long, default_value = "application")]
    key_source: String,
    /// The provider that its users bring keys for, where no key says so
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// A model it may use; may be repeated [default: any]
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Operations it may use: default, all, or names with commas between
    #[arg(long, default_value = "default")]
    operations: String,
    #[arg(long, value_name = "FEATURE,…", value_delimiter = ',', help = format!(
        "Gated features that are open to it, with commas between, as far as the provider has them: {}",
        features()
    ))]
    allow: Vec<String>,
    /// Refuse fields and betas that Keystead does not know
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The AddOn
    #[arg(value_name = "ADDON_ID")]
    id: String,
    /// Another stored key
    #[arg(long, value_name = "KEY_ID")]
    key: Option<String>,
    /// Whose key it uses: application, user or user-then-application
    #[arg(long)]
    key_source: Option<String>,
    /// The provider that its users bring keys for, where no key says so
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// The models, in place of those it has; may be repeated, `any` clears them
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Operations it may use: default, all, or names with commas between
    #[arg(long)]
    operations: Option<String>,
    /// The gated features, in place of those it has, with commas between; `none` clears them
    #[arg(long, value_name = "FEATURE,…", value_delimiter = ',')]
    allow: Vec<String>,
    /// Refuse fields and betas that Keystead does not know: true or false
    #[arg(long)]
    strict: Option<bool>,
}

impl Addon {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Install(install) => install.run(&client).await,
            Self::Update(update) => update.run(&client).await,
            Self::List { app } => {
                let filter: Vec<_> = app
                    .iter()
                    .map(|app| ("application_id", app.as_str()))
                    .collect();
                let rows = client.list(PATH, &filter).await?;
                let columns = [
                    ("addon", "addon_id"),
                    ("handle", "handle"),
                    ("type", "type"),
                    ("key", "key_id"),
                    ("disabled", "disabled"),
                    ("base url", "base_url"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Disable { id } => Ok(shown(client.post(&act(&id, "disable"), &json!({})).await?)),
            Self::Enable { id } => Ok(shown(client.post(&act(&id, "enable"), &json!({})).await?)),
            Self::Remove { id } => {
                client.delete(&format!("{PATH}/{}", segment(&id))).await?;
                let json = json!({ "addon_id": id, "removed": true });
                Ok(Answer::new(json, "Removed"))
            }
        }
    }
}

impl Install {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let body = json!({
            "application_id": self.app,
            "handle": self.handle,
            "type": self.kind,
            "key_id": self.key,
            "key_source": self.key_source,
            "provider": self.provider,
            "models": self.models,
            "operations": operations(&self.operations),
            "allow": self.allow,
            "strict": self.strict,
        });
        Ok(shown(client.post(PATH, &body).await?))
    }
}

impl Update {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let mut body = json!({});
        if let Some(key) = self.key {
            body["key_id"] = key.into();
        }
        if let Some(source) = self.key_source {
            body["key_source"] = source.into();
        }
        if let Some(provider) = self.provider {
            body["provider"] = provider.into();
        }
        if let Some(text) = self.operations {
            body["operations"] = operations(&text);
        }
        if let Some(strict) = self.strict {
            body["strict"] = strict.into();
        }
        for (name, list, nothing) in [
            ("models", self.models, "any"),
            ("allow", self.allow, "none"),
        ] {
            match list.as_slice() {
                [] => {}
                [word] if word == nothing => body[name] = json!([]),
                list => body[name] = json!(list),
            }
        }
        Ok(shown(
            client
                .patch(&format!("{PATH}/{}", segment(&self.id)), &body)
                .await?,
        ))
    }
}

/// `default` and `all` as they are; anything else is a list of names.
fn operations(text: &str) -> Value {
    match text {
        "default" | "all" => text.into(),
        names => names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect(),
    }
}

fn shown(addon: Value) -> Answer {
    let rows = [
        ("addon", &addon["addon_id"]),
        ("handle", &addon["handle"]),
        ("type", &addon["type"]),
        ("key", &addon["key_id"]),
        ("key source", &addon["key_source"]),
        ("provider", &addon["provider"]),
        ("models", &addon["models"]),
        ("operations", &addon["operations"]),
        ("allows", &addon["allow"]),
        ("strict", &addon["strict"]),
        ("disabled", &addon["disabled"]),
        ("base url", &addon["base_url"]),
    ];
    let text = fields(&rows);
    Answer::new(addon, text)
}

fn features() -> String {
    let providers = keystead_providers::ALL.iter();
    let names: BTreeSet<_> = providers.flat_map(|one| one.about().features()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn act(id: &str, verb: &str) -> String {
    format!("{PATH}/{}/{verb}", segment(id))
}

const PATH: &str = "/api/v1/addons";
const EMPTY: &str = "No AddOns yet; `keystead addon install` activates one";
