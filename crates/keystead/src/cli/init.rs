//! `keystead init`: an account, its organization, and an API token to begin with.
//!
//! The first e-mail address founds the installation. Another one gets an account and an
//! organization of its own. One that has an account gets a fresh API token for it: whoever can run
//! this on the machine holds the root key, so a lost token locks nobody out.

use clap::Args;
use serde_json::{Value, json};

use super::{
    answer::*,
    failure::Failure,
    local::{Local, root_key},
};
use crate::{
    audit::Actor,
    custody::{Custody, NewAccount},
    ids::{AccountId, OrganizationId},
    store::{Access, Account, ApiScope, Email, NewApiToken, Role},
};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The account's e-mail address; it is kept sealed
    #[arg(long, value_name = "ADDRESS")]
    admin_email: String,
    /// What people call the organization
    #[arg(long, value_name = "NAME", default_value = "Main")]
    organization: String,
}

/// An account with a place in an organization, and a token for both.
struct Ready {
    account: AccountId,
    organization: OrganizationId,
    token: keystead_vault::Token,
}

impl Init {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        let email = Email::parse(&self.admin_email)
            .map_err(|_| Failure::usage("`--admin-email` is no e-mail address"))?;
        let is_new = local.needs_root_key();
        let custody = local.custody(Access::Write).await?;
        let outcome = self.make(&custody, email).await;
        custody.store().close().await;
        let ready = outcome?;

        let json = json!({
            "account_id": ready.account,
            "organization_id": ready.organization,
            "api_token": ready.token.expose(),
            "root_key_made": is_new,
        });
        let root_key = Value::from(root_key(&local.config, is_new));
        let rows = [
            ("root key", &root_key),
            ("account", &json["account_id"]),
            ("organization", &json["organization_id"]),
            ("API token", &json["api_token"]),
        ];
        let url = &local.config.server.public_url;
        let text = format!(
            "{}The API token is shown this once. Next:\n  \
             keystead serve\n\
             and in another terminal:\n  \
             export KEYSTEAD_URL={url} KEYSTEAD_API_TOKEN=…\n  \
             keystead app create --name NAME\n",
            fields(&rows),
        );
        Ok(Answer::new(Value::clone(&json), text))
    }

    async fn make(&self, custody: &Custody, email: Email) -> Result<Ready, Failure> {
        if let Some(account) = custody.account_by_email(&email).await? {
            return again(custody, &account).await;
        }
        if !custody.store().has_accounts().await? {
            let founded = custody.found(&self.organization, &email).await?;
            return Ok(Ready {
                account: founded.account.id,
                organization: founded.organization.id,
                token: founded.token,
            });
        }
        let organization = custody
            .create_organization(Actor::Operator, &self.organization)
            .await?
            .id;
        let new = NewAccount {
            email,
            organization,
            role: Role::Owner,
        };
        let account = custody.create_account(Actor::Operator, new).await?.id;
        mint(custody, account, organization).await
    }
}

async fn again(custody: &Custody, account: &Account) -> Result<Ready, Failure> {
    let memberships = custody.store().memberships(account.id).await?;
    let member = memberships.first().ok_or_else(|| {
        Failure::new("this account exists but belongs to no organization").coded("no_membership")
    })?;
    mint(custody, account.id, member.organization).await
}

async fn mint(
    custody: &Custody,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Ready, Failure> {
    let new = NewApiToken {
        organization,
        account,
        name: "init".to_owned(),
        scopes: vec![ApiScope::All],
        expires_at: None,
    };
    let (_, token) = custody
        .store()
        .create_api_token(Actor::Operator, new)
        .await?;
    Ok(Ready {
        account,
        organization,
        token,
    })
}
