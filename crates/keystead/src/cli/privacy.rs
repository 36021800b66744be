//! `keystead subject`, `keystead my-account`, `keystead organization`: what is known about somebody, and
//! its erasure; and `keystead receipt`, which shows that a receipt is genuine.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure};
use crate::{audit::Verifier, erasure::read_receipt};

#[derive(Debug, Subcommand)]
pub(super) enum Subject {
    /// Print what is known about an end user, as JSON
    Export(EndUser),
    /// Erase an end user: what they may do ends, and what was used says no more that they did
    Erase(EndUser),
}

#[derive(Debug, Args)]
pub(super) struct EndUser {
    /// The application that knows them
    #[arg(long, value_name = "APP_ID")]
    app: String,
    /// The end user, as the application names them
    #[arg(long, required_unless_present = "sub")]
    uid: Option<String>,
    /// The end user, as the application's own identity provider names them
    #[arg(long, conflicts_with = "uid")]
    sub: Option<String>,
    /// Write the export, or the receipt, to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum MyAccount {
    /// Print what is known about your account, as JSON
    Export(Out),
    /// Erase your account, everywhere
    Erase(Sure),
}

#[derive(Debug, Subcommand)]
pub(super) enum Organization {
    /// Delete your organization with everything that belongs to it
    Delete(Maybe),
}

#[derive(Debug, Args)]
pub(super) struct Out {
    /// Write it to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Sure {
    /// The account's e-mail address, to show that it is meant
    #[arg(long, value_name = "ADDRESS")]
    confirm: String,
    #[command(flatten)]
    out: Out,
}

#[derive(Debug, Args)]
pub(super) struct Maybe {
    /// The organization's name, to show that it is meant; without, say in counts what would go
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    out: Out,
}

#[derive(Debug, Args)]
pub(super) struct Receipt {
    /// The receipt
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the installation's notes are verified by, as `keystead audit checkpoint` names it
    #[arg(long, value_name = "NAME+ID+KEY")]
    verifier: String,
}

impl Subject {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Export(who) => {
                let export = client.post("/api/v1/subjects/export", &who.body()).await?;
                exported(export, who.out.as_deref())
            }
            Self::Erase(who) => {
                let receipt = client.post("/api/v1/subjects/erase", &who.body()).await?;
                erased(receipt, who.out.as_deref())
            }
        }
    }
}

impl EndUser {
    fn body(&self) -> Value {
        json!({ "application_id": self.app, "uid": self.uid, "sub": self.sub })
    }
}

impl MyAccount {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let client = Client::with_api_token(global)?;
        match self {
            Self::Export(out) => {
                let export = client.get("/api/v1/account/export").await?;
                exported(export, out.out.as_deref())
            }
            Self::Erase(sure) => {
                let body = json!({ "confirm": sure.confirm });
                let receipt = client.post("/api/v1/account/erase", &body).await?;
                erased(receipt, sure.out.out.as_deref())
            }
        }
    }
}

impl Organization {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let Self::Delete(wanted) = self;
        let client = Client::with_api_token(global)?;
        let Some(name) = wanted.confirm else {
            let counts = client.get("/api/v1/organization/belongings").await?;
            let rows = [
                ("applications", &counts["applications"]),
                ("keys", &counts["keys"]),
                ("end users' own keys", &counts["own_keys"]),
                ("AddOns", &counts["addons"]),
                ("members", &counts["members"]),
                ("API tokens", &counts["api_tokens"]),
                ("access tokens", &counts["access_tokens"]),
            ];
            let text = format!(
                "{}All of these would go with it, for good; `--confirm NAME` does it.\n",
                fields(&rows)
            );
            return Ok(Answer::new(counts, text));
        };
        let body = json!({ "confirm": name });
        let receipt = client.post("/api/v1/organization/delete", &body).await?;
        erased(receipt, wanted.out.out.as_deref())
    }
}

impl Receipt {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let verifier: Result<Verifier, ()> = self.verifier.parse();
        let verifier = verifier.map_err(|()| {
            Failure::usage("--verifier is not what `audit checkpoint` names: NAME+ID+KEY")
        })?;
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure::new(format!("{}: {error}", self.file.display())))?;
        // What `--json` printed, or the note by itself.
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let note = json.as_ref().and_then(|json| json["receipt"].as_str());
        // Whoever copied it from a page may have lost or added an end of line.
        let note = format!("{}\n", note.unwrap_or(&text).trim_end());
        let said = read_receipt(&note, &verifier)
            .map_err(|error| Failure::new(error.to_string()).coded("receipt_not_believed"))?;
        let shown = serde_json::to_string_pretty(&said).unwrap_or_default();
        Ok(Answer::new(
            said,
            format!("The receipt is genuine:\n{shown}\n"),
        ))
    }
}

fn exported(export: Value, out: Option<&Path>) -> Result<Answer, Failure> {
    let text = serde_json::to_string_pretty(&export).unwrap_or_default();
    match out {
        None => Ok(Answer::new(export, text)),
        Some(path) => {
            write(path, &text)?;
            Ok(Answer::new(
                json!({ "file": path }),
                format!("{}", path.display()),
            ))
        }
    }
}

pub(super) fn erased(receipt: Value, out: Option<&Path>) -> Result<Answer, Failure> {
    let note = receipt["receipt"].as_str().unwrap_or_default();
    if let Some(path) = out {
        write(path, note)?;
    }
    let text = format!(
        "Erased: {}. The receipt, which says as well what was not:\n\n{note}\nIt is verified by {}\n",
        receipt["erasure_id"].as_str().unwrap_or_default(),
        receipt["verifier"].as_str().unwrap_or_default()
    );
    Ok(Answer::new(receipt, text))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
