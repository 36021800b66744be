//! `keystead token …`: what a host application's backend does, by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Global, answer::*, client::Client, failure::Failure, secret};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Mint an access token; the client secret is read from standard input
    Mint(Mint),
    /// End an access token; the client secret and the token are read from standard input
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Mint {
    /// The application's client id
    #[arg(long)]
    client_id: String,
    /// The end user, by a name that says nothing about the person
    #[arg(long)]
    uid: String,
    /// The handle of an AddOn that the token is for; may be repeated [default: all]
    #[arg(long = "addon", value_name = "HANDLE")]
    addons: Vec<String>,
    /// How long it lives, 1 to 3600 [default: 600]
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Read the client secret from this file in place of standard input
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The application's client id
    #[arg(long)]
    client_id: String,
    /// Read the client secret from this file; standard input then holds the token alone
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Read the token from this file; standard input then holds the client secret alone
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Token {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::anonymous(global)?;
        match self {
            Self::Mint(mint) => mint.run(&client).await,
            Self::Revoke(revoke) => revoke.run(&client).await,
        }
    }
}

impl Mint {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let client_secret = secret::read("client secret", self.client_secret_file.as_deref())?;
        let scope: Vec<_> = self
            .addons
            .iter()
            .map(|handle| format!("addon:{handle}"))
            .collect();
        let (scope, ttl) = (scope.join(" "), self.ttl.map(|ttl| ttl.to_string()));
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", client_secret.as_str()),
            ("uid", self.uid.as_str()),
        ];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        if let Some(ttl) = &ttl {
            form.push(("expires_in", ttl));
        }
        let minted = client.post_form("/oauth/token", &form).await?;
        let rows = [
            ("access token", &minted["access_token"]),
            (
                "expires in",
                &Value::from(format!("{} s", minted["expires_in"])),
            ),
            ("scope", &minted["scope"]),
        ];
        let text = fields(&rows);
        Ok(Answer::new(minted, text))
    }
}

impl Revoke {
    async fn run(self, client: &Client) -> Result<Answer, Failure> {
        let (client_secret, token) = self.secrets()?;
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", client_secret.as_str()),
            ("token", token.as_str()),
        ];
        client.post_form("/oauth/revoke", &form).await?;
        // The server does not say whether there was such a token (RFC 7009 2.2), so neither do we.
        let text = "The token is refused from now on, and its running streams are cut";
        Ok(Answer::new(json!({ "revoked": true }), text))
    }

    /// What is not named by a file is on standard input; each tells by its prefix which it is.
    fn secrets(&self) -> Result<(Zeroizing<String>, Zeroizing<String>), Failure> {
        let secret_file = self.client_secret_file.as_deref();
        let token_file = self.token_file.as_deref();
        match (secret_file, token_file) {
            (None, None) => {
                let input = secret::from_stdin("client secret and the token")?;
                let word = |prefix: &str| input.split_whitespace().find(|w| w.starts_with(prefix));
                match (word("ksc1_"), word("kst1_")) {
                    (Some(secret), Some(token)) => {
                        Ok((Zeroizing::new(secret.into()), Zeroizing::new(token.into())))
                    }
                    _ => Err(Failure::usage(
                        "standard input must hold the client secret (`ksc1_…`) and the access \
                         token (`kst1_…`), a line each",
                    )
                    .hint("or name files: --client-secret-file, --token-file")),
                }
            }
            _ => Ok((
                secret::read("client secret", secret_file)?,
                secret::read("access token", token_file)?,
            )),
        }
    }
}
