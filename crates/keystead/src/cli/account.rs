//! `keystead account …`: for whoever runs commands on this machine, when someone is locked out.

use std::{io::IsTerminal as _, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{answer::Answer, failure::Failure, local::Local, secret};
use crate::{
    app::settings::connector_of_the_operator,
    management::Metrics,
    people::{NotProven, People},
    root::Passphrase,
    store::{Access, Email},
};

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Give an account another password; its sessions end
    SetPassword(SetPassword),
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    /// The account's e-mail address
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// File with the password; without it, it is asked for at the terminal or read from standard
    /// input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take one-time codes, recovery codes, passkeys and OpenID identities away as well, for someone
    /// who lost them
    #[arg(long)]
    alone: bool,
}

impl Account {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        match self {
            Self::SetPassword(command) => command.run(local).await,
        }
    }
}

impl SetPassword {
    async fn run(self, local: &Local) -> Result<Answer, Failure> {
        let email =
            Email::parse(&self.email).map_err(|_| Failure::usage("this is no e-mail address"))?;
        let is_asked = self.password_file.is_none() && std::io::stdin().is_terminal();
        let password = if is_asked {
            Passphrase::ask_for("New password: ")
                .map_err(|_| Failure::usage("no password was typed"))?
        } else {
            secret::read("password", self.password_file.as_deref())?
        };
        let custody = local.custody(Access::Write).await?;
        let store = custody.store().clone();
        let people = People::new(
            &local.config,
            custody,
            Metrics::new(),
            connector_of_the_operator(&local.config),
        );
        let outcome = async {
            let account = people.custody().account_by_email(&email).await?;
            let account = account.ok_or_else(|| {
                Failure::new("there is no account of this e-mail address").coded("not_found")
            })?;
            people
                .reset_password(&account, &email, password, self.alone)
                .await?;
            Ok::<_, Failure>(account.id)
        };
        let outcome = outcome.await;
        store.close().await;
        let account = outcome?;
        let text = "The password is set, and the account's sessions have ended.\n".to_owned();
        Ok(Answer::new(json!({ "account_id": account }), text))
    }
}

impl From<NotProven> for Failure {
    fn from(error: NotProven) -> Self {
        match error {
            NotProven::Custody(error) => error.into(),
            NotProven::Weak(weak) => Self::usage(weak.to_string()).coded("weak_password"),
            error => Self::new(error.to_string()),
        }
    }
}
