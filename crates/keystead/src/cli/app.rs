//! `keystead app …`: host applications and their client secrets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure, privacy::erased};

#[derive(Debug, Subcommand)]
pub(super) enum App {
    /// Make an application; its client secret is shown once
    Create(Create),
    /// List the applications
    List,
    /// Show one application
    Show {
        /// The application
        #[arg(value_name = "APP_ID")]
        id: String,
    },
    /// Change an application; what is not named stays
    Update(Update),
    /// Refuse every call of an application and cut its running streams
    Disable {
        /// The application
        #[arg(value_name = "APP_ID")]
        id: String,
    },
    /// Undo `disable`
    Enable {
        /// The application
        #[arg(value_name = "APP_ID")]
        id: String,
    },
    /// Delete an application with its keys, AddOns, client secrets and access tokens, for good
    Delete {
        /// The application
        #[arg(value_name = "APP_ID")]
        id: String,
        /// Do it; without, say in counts what would go
        #[arg(long)]
        yes: bool,
        /// Write the receipt to this file
        #[arg(long, value_name = "FILE", requires = "yes")]
        out: Option<PathBuf>,
    },
    /// Client secrets; two can be live at once, so that one can replace the other
    #[command(subcommand)]
    Secret(Secret),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// What people call it
    #[arg(long)]
    name: String,
    /// A web origin whose pages may call the proxy, such as `https://shop.example`; may be repeated
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<String>,
    /// It is there for trying things out beside this application
    #[arg(long = "development-of", value_name = "APP_ID")]
    development_of: Option<String>,
    /// It runs in browsers and can keep no secret
    #[arg(long, requires = "redirect_uris")]
    public: bool,
    /// Where its users return to after signing in; may be repeated
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// An address range that calls may come from; may be repeated [default: any]
    #[arg(long = "address", value_name = "RANGE")]
    addresses: Vec<String>,
    #[command(flatten)]
    issuer: Issuer,
    /// Its tokens must be bound to a key of the client (DPoP)
    #[arg(long)]
    require_dpop: bool,
}

#[derive(Debug, Args)]
pub(super) struct Issuer {
    /// Whose tokens its users may exchange, as they say it in `iss`; `none` for nobody's
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What those tokens say in `aud`, of this application and of no other
    #[arg(long, value_name = "TEXT", requires = "issuer")]
    audience: Option<String>,
    /// Where the issuer's keys are, if its discovery document is not to be asked
    #[arg(long, value_name = "URL", requires = "issuer")]
    jwks_uri: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Update {
    /// The application
    #[arg(value_name = "APP_ID")]
    id: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// The application that it is a development application of; `none` for none
    #[arg(long = "development-of", value_name = "APP_ID")]
    development_of: Option<String>,
    /// The web origins, in place of those it has; may be repeated, `none` clears them
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<String>,
    /// The addresses of return, in place of those it has; may be repeated, `none` clears them
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
    /// The address ranges, in place of those it has; may be repeated, `none` clears them
    #[arg(long = "address", value_name = "RANGE")]
    addresses: Vec<String>,
    #[command(flatten)]
    issuer: Issuer,
    /// Whether its tokens must be bound to a key of the client (DPoP)
    #[arg(long, value_name = "true|false")]
    require_dpop: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Secret {
    /// Make another client secret; it is shown once
    Create {
        /// The application
        #[arg(value_name = "APP_ID")]
        app: String,
    },
    /// List an application's client secrets
    List {
        /// The application
        #[arg(value_name = "APP_ID")]
        app: String,
    },
    /// Revoke a client secret, and with it every token it minted
    Revoke {
        /// The application
        #[arg(value_name = "APP_ID")]
        app: String,
        /// The client secret's id
        #[arg(value_name = "SECRET_ID")]
        secret: String,
    },
}

impl App {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Create(create) => create.run(&client).await,
            Self::List => {
                let rows = client.list(PATH, &[]).await?;
                let columns = [
                    ("application", "application_id"),
                    ("client id", "client_id"),
                    ("development of", "development_of"),
                    ("disabled", "disabled"),
                    ("name", "name"),
                ];
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, EMPTY);
                Ok(Answer::new(rows, text))
            }
            Self::Show { id } => Ok(shown(client.get(&of(&id)).await?)),
            Self::Update(update) => update.run(&client).await,
            Self::Disable { id } => Ok(shown(
                client
                    .post(&format!("{}/disable", of(&id)), &json!({}))
                    .await?,
            )),
            Self::Enable { id } => Ok(shown(
                client
                    .post(&format!("{}/enable", of(&id)), &json!({}))
                    .await?,
            )),
            Self::Delete { id, yes, out } => match yes {
                true => erased(client.delete(&of(&id)).await?, out.as_deref()),
                false => belongings(&client, &id).await,
            },
            Self::Secret(secret) => secret.run(&client).await,
        }
    }
}

impl Create {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let mut body = json!({
            "name": self.name,
            "origins": self.origins,
            "public": self.public,
            "development_of": self.development_of,
            "redirect_uris": self.redirect_uris,
            "addresses": self.addresses,
            "require_dpop": self.require_dpop,
        });
        self.issuer.put_into(&mut body);
        let made = client.post(PATH, &body).await?;
        let note = match made["client_secret"] {
            Value::Null => "",
            _ => "The client secret is shown this once; keep it where your backend reads it.\n",
        };
        let rows = [
            ("application", &made["application_id"]),
            ("client id", &made["client_id"]),
            ("client secret", &made["client_secret"]),
        ];
        let text = format!("{}{note}", fields(&rows));
        Ok(Answer::new(made, text))
    }
}

impl Update {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let mut body = json!({});
        if let Some(name) = self.name {
            body["name"] = name.into();
        }
        if let Some(main) = self.development_of {
            let main = if main == "none" { String::new() } else { main };
            body["development_of"] = main.into();
        }
        self.issuer.put_into(&mut body);
        if let Some(wanted) = self.require_dpop {
            body["require_dpop"] = wanted.into();
        }
        for (name, list) in [
            ("origins", self.origins),
            ("redirect_uris", self.redirect_uris),
            ("addresses", self.addresses),
        ] {
            match list.as_slice() {
                [] => {}
                [none] if none == "none" => body[name] = json!([]),
                list => body[name] = json!(list),
            }
        }
        Ok(shown(client.patch(&of(&self.id), &body).await?))
    }
}

impl Issuer {
    fn put_into(self, body: &mut Value) {
        if let Some(issuer) = self.issuer {
            let issuer = if issuer == "none" {
                String::new()
            } else {
                issuer
            };
            let audience = self.audience.unwrap_or_default();
            body["issuer"] =
                json!({ "issuer": issuer, "audience": audience, "jwks_uri": self.jwks_uri });
        }
    }
}

impl Secret {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        match self {
            Self::Create { app } => {
                let path = format!("{}/client-secrets", of(&app));
                let made = client.post(&path, &json!({})).await?;
                let rows = [
                    ("secret id", &made["secret_id"]),
                    ("client secret", &made["client_secret"]),
                ];
                let note = "It is shown this once; keep it where your backend reads it.\n";
                let text = format!("{}{note}", fields(&rows));
                Ok(Answer::new(made, text))
            }
            Self::List { app } => {
                let rows = client
                    .list(&format!("{}/client-secrets", of(&app)), &[])
                    .await?;
                let columns = [
                    ("secret", "secret_id"),
                    ("revoked", "revoked"),
                    ("made", "created_at"),
                ];
                let none = "This application has no client secrets";
                let text = table(rows.as_array().map_or(&[], Vec::as_slice), &columns, none);
                Ok(Answer::new(rows, text))
            }
            Self::Revoke { app, secret } => {
                let path = format!("{}/client-secrets/{}", of(&app), segment(&secret));
                client.delete(&path).await?;
                let json = json!({ "secret_id": secret, "revoked": true });
                Ok(Answer::new(
                    json,
                    "Revoked; the tokens it minted have ended",
                ))
            }
        }
    }
}

/// What would go is counted first; a script says `--yes` at once.
async fn belongings(client: &Client, id: &str) -> Result<Answer, Failure> {
    let mut counts = client.get(&format!("{}/belongings", of(id))).await?;
    let rows = [
        (
            "development applications",
            &counts["development_applications"],
        ),
        ("keys", &counts["keys"]),
        ("end users' own keys", &counts["own_keys"]),
        ("AddOns", &counts["addons"]),
        ("client secrets", &counts["client_secrets"]),
        ("access tokens", &counts["access_tokens"]),
    ];
    let text = format!(
        "{}All of these would go with it, for good; `--yes` does it.\n",
        fields(&rows)
    );
    counts["application_id"] = id.into();
    Ok(Answer::new(counts, text))
}

fn shown(application: Value) -> Answer {
    let rows = [
        ("application", &application["application_id"]),
        ("name", &application["name"]),
        ("client id", &application["client_id"]),
        ("public", &application["public"]),
        ("development of", &application["development_of"]),
        ("origins", &application["origins"]),
        ("return to", &application["redirect_uris"]),
        ("addresses", &application["addresses"]),
        ("issuer", &application["issuer"]["issuer"]),
        ("audience", &application["issuer"]["audience"]),
        ("keys at", &application["issuer"]["jwks_uri"]),
        ("bound tokens", &application["require_dpop"]),
        ("disabled", &application["disabled"]),
        ("made", &application["created_at"]),
    ];
    let text = fields(&rows);
    Answer::new(application, text)
}

fn of(id: &str) -> String {
    format!("{PATH}/{}", segment(id))
}

const PATH: &str = "/api/v1/applications";
const EMPTY: &str = "No applications yet; `keystead app create --name NAME` makes one";
