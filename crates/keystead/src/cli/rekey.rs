//! `keystead rekey`: another root key; and `keystead key-owner`: another key for an organization or a
//! person.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, answer::Answer, client::Client, failure::Failure, local::Local};
use crate::{
    clock::{Clock, date_of},
    config::RootKeySource as Configured,
    custody::{Custody, Rekeyed},
    root::{RootKeySource, next_file, settle},
    store::{Access, Store},
};

#[derive(Debug, Args)]
pub(super) struct Rekey {
    /// Make the next root key in this file, or take the one that is there [default: in place of the
    /// configured one, which is kept beside it]
    #[arg(long, value_name = "FILE", conflicts_with = "to_passphrase_file")]
    to_file: Option<PathBuf>,
    /// Derive the next root key from the passphrase in this file
    #[arg(long, value_name = "FILE")]
    to_passphrase_file: Option<PathBuf>,
}

/// Where the next root key is to be.
enum Target {
    /// In the configured file's place.
    InPlace(PathBuf),
    /// Where a setting is to name it afterwards.
    Elsewhere(Configured),
}

impl Rekey {
    pub(super) async fn run(self, local: &Local) -> Result<Answer, Failure> {
        let configured = &local.config.root_key;
        let target = self.target(configured)?;
        let next = target.source().load()?;
        let store = local.store(Access::Write).await?;
        let outcome = change(&store, configured, &next).await;
        store.close().await;
        let rekeyed = outcome?;
        let kept = match &target {
            Target::InPlace(path) => Some(settle(path, &stamp())?),
            Target::Elsewhere(_) => None,
        };
        Ok(told(rekeyed, &target, kept.as_deref()))
    }

    fn target(&self, configured: &Configured) -> Result<Target, Failure> {
        if let Some(path) = &self.to_passphrase_file {
            return Ok(Target::Elsewhere(Configured::PassphraseFile(path.clone())));
        }
        match (&self.to_file, configured) {
            (Some(path), Configured::File(now)) if path == now => Err(Failure::usage(
                "`--to-file` names the root key's own file; leave it out to change it in place",
            )),
            (Some(path), _) => Ok(Target::Elsewhere(Configured::File(path.clone()))),
            (None, Configured::File(now)) => Ok(Target::InPlace(now.clone())),
            (None, Configured::PassphraseFile(_)) => Err(Failure::usage(
                "the root key comes from a passphrase: say `--to-file` or `--to-passphrase-file`",
            )),
        }
    }
}

impl Target {
    fn source(&self) -> Configured {
        match self {
            Self::InPlace(path) => Configured::File(next_file(path)),
            Self::Elsewhere(source) => source.clone(),
        }
    }
}

/// Wraps everything with the next key; `None` when a change that was interrupted had done so.
async fn change(
    store: &Store,
    configured: &Configured,
    next: &RootKeySource,
) -> Result<Option<Rekeyed>, Failure> {
    let now = configured.load();
    let is_ours = match &now {
        Ok(now) => Custody::fits(store, now).await?,
        Err(_) => false,
    };
    if !is_ours && Custody::fits(store, next).await? {
        return Ok(None);
    }
    let custody = Custody::open(store.clone(), &now?).await?;
    Ok(Some(custody.rekey(next).await?))
}

fn told(rekeyed: Option<Rekeyed>, target: &Target, kept: Option<&Path>) -> Answer {
    let (setting, path) = match target.source() {
        Configured::File(path) => ("root_key.file", path),
        Configured::PassphraseFile(path) => ("root_key.passphrase_file", path),
    };
    let counts = rekeyed.unwrap_or_default();
    let mut text = match rekeyed {
        Some(counts) => format!(
            "The root key has changed: {} organizations, {} accounts and {} vaults are wrapped anew\n",
            counts.organizations, counts.accounts, counts.vaults
        ),
        None => "The root key had changed already; what was left is done\n".to_owned(),
    };
    let setting = match target {
        Target::InPlace(_) => Value::Null,
        Target::Elsewhere(_) => {
            text += &format!(
                "Before the next start, set {setting} to {}\n",
                path.display()
            );
            json!({ "name": setting, "value": path })
        }
    };
    if let Some(kept) = kept {
        text += &format!(
            "The one before is kept at {}: backups from before open with it alone. Destroy it when the \
             last of them is gone, at once if somebody else may have it\n",
            kept.display()
        );
    }
    let json = json!({
        "changed": rekeyed.is_some(),
        "organizations": counts.organizations,
        "accounts": counts.accounts,
        "vaults": counts.vaults,
        "setting": setting,
        "kept": kept,
    });
    Answer::new(json, text)
}

/// Today, as part of a file's name, with the time: two changes on one day keep two keys.
fn stamp() -> String {
    let now = Clock::system().now().as_secs();
    let (year, month, day) = date_of(now.div_euclid(86_400));
    let second = now.rem_euclid(86_400);
    format!("{year:04}{month:02}{day:02}-{second:05}")
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyOwner {
    /// Give your organization and its end users' vaults, or your account and vault, another key; nothing has to
    /// stop for it
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// The keys of your own account and vault, not the organization's
    #[arg(long)]
    account: bool,
}

impl KeyOwner {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let Self::Rotate(command) = self;
        let path = match command.account {
            true => "/api/v1/account/rotate-key",
            false => "/api/v1/organization/rotate-key",
        };
        let client = Client::with_api_token(global)?;
        let done = client.post(path, &json!({})).await?;
        let text = format!(
            "{} group keys and {} other records are wrapped by another key; {} vaults have one of their own",
            done["group_keys"], done["records"], done["vaults"]
        );
        Ok(Answer::new(done, text))
    }
}
