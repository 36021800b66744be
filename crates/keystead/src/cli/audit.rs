//! `keystead audit list|verify|checkpoint|prove|export`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Global, answer::*, client::Client, failure::Failure, local::Local};
use crate::{
    audit::{AuditReport, Proof, TreeHead, Verifier},
    ids::EventId,
    store::Access,
};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List who did what, oldest first
    List,
    /// Recompute the whole log and hold every object against it; runs beside a server
    Verify(Verify),
    /// Print what the log is now, signed: a note to keep where nobody who runs the store can reach it
    Checkpoint(Out),
    /// Print a proof that one entry is in the log, for someone who has nothing but a checkpoint
    Prove(Prove),
    /// Print the organization's log as lines of JSON; the log says who took it
    Export(Out),
}

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// A checkpoint that was kept elsewhere, or the file of a checkpoint sink: shows a log that was cut
    /// off or put back; can be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Check this proof instead, as `prove` printed it
    #[arg(long, value_name = "FILE", conflicts_with = "checkpoint")]
    proof: Option<PathBuf>,
    /// What the log's checkpoints are verified by, as `checkpoint` named it and kept elsewhere; without
    /// it this installation says so itself
    #[arg(long, value_name = "NAME+ID+KEY")]
    verifier: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Out {
    /// Write it to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Prove {
    /// The entry
    #[arg(value_name = "EVENT_ID")]
    event: String,
    #[command(flatten)]
    out: Out,
}

impl Audit {
    pub(super) async fn run(self, global: &Global) -> Result<Answer, Failure> {
        match self {
            Self::List => list(global).await,
            Self::Verify(wanted) => wanted.run(global).await,
            Self::Checkpoint(out) => checkpoint(global, &out).await,
            Self::Prove(wanted) => wanted.run(global).await,
            Self::Export(out) => export(global, &out).await,
        }
    }
}

async fn list(global: &Global) -> Result<Answer, Failure> {
    let client = Client::with_api_token(global)?;
    let rows = client.list("/api/v1/audit", &[]).await?;
    let columns = [
        ("at", "at"),
        ("actor", "actor"),
        ("action", "action"),
        ("object", "object"),
        ("outcome", "outcome"),
        ("event_id", "event_id"),
    ];
    let text = table(
        rows.as_array().map_or(&[], Vec::as_slice),
        &columns,
        "Nothing happened yet",
    );
    Ok(Answer::new(rows, text))
}

impl Verify {
    async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let verifier = self.verifier.as_deref().map(|text| {
            let found: Result<Verifier, ()> = text.parse();
            found.map_err(|()| {
                Failure::usage("--verifier is not what `audit checkpoint` names: NAME+ID+KEY")
            })
        });
        let verifier = verifier.transpose()?;
        match &self.proof {
            Some(file) => of_proof(global, file, verifier).await,
            None => self.of_log(global, verifier).await,
        }
    }

    async fn of_log(&self, global: &Global, verifier: Option<Verifier>) -> Result<Answer, Failure> {
        let custody = Local::new(global)?.custody(Access::Read).await?;
        let verifier = verifier.unwrap_or_else(|| custody.verifier());
        let kept = self.kept(&verifier)?;
        let outcome = custody.store().verify_audit_against(&kept).await;
        custody.store().close().await;
        Ok(told(&outcome?, &kept))
    }

    /// What the files say that were kept elsewhere.
    fn kept(&self, verifier: &Verifier) -> Result<Vec<TreeHead>, Failure> {
        let mut kept = Vec::new();
        for file in &self.checkpoint {
            for note in notes(&read(file)?) {
                let head = verifier.open(&note).map_err(|why| {
                    let file = file.display();
                    Failure::new(format!("a checkpoint in {file} is not believed: {why}"))
                        .coded("bad_checkpoint")
                })?;
                kept.push(head);
            }
        }
        if kept.is_empty() && !self.checkpoint.is_empty() {
            return Err(Failure::new("the files hold no checkpoint").coded("bad_checkpoint"));
        }
        Ok(kept)
    }
}

fn told(report: &AuditReport, kept: &[TreeHead]) -> Answer {
    let root = hex(&report.root);
    let is_whole = report.faults.is_empty();
    let json = json!({
        "ok": is_whole,
        "size": report.size,
        "root": root,
        "checkpoints": kept.len(),
        "faults": report.faults,
    });
    let found: String = report
        .faults
        .iter()
        .map(|fault| format!("  {} {}: {}\n", fault.table, fault.row, fault.fault))
        .collect();
    let since = match kept.iter().map(|head| head.size).max() {
        Some(size) => format!("It goes on from what was kept elsewhere, up to entry {size}."),
        None => {
            "Keep a checkpoint elsewhere (`keystead audit checkpoint`): only that shows a whole \
                 store put back to an earlier day."
                .to_owned()
        }
    };
    let text = match is_whole {
        true => format!(
            "The log is whole: {} entries, root {root}\n{since}",
            report.size
        ),
        false => format!("What is stored is not what Keystead wrote:\n{found}"),
    };
    Answer::new(json, text).exit(u8::from(!is_whole))
}

async fn of_proof(
    global: &Global,
    file: &Path,
    verifier: Option<Verifier>,
) -> Result<Answer, Failure> {
    let verifier = match verifier {
        Some(verifier) => verifier,
        None => {
            let custody = Local::new(global)?.custody(Access::Read).await?;
            let verifier = custody.verifier();
            custody.store().close().await;
            verifier
        }
    };
    let proof = Proof::parse(&read(file)?);
    let found = proof.and_then(|proof| Ok((proof.verify(&verifier)?, proof.index)));
    Ok(match found {
        Ok((head, index)) => {
            let text = format!(
                "The entry is number {} of the {} that the checkpoint speaks of, root {}",
                index + 1,
                head.size,
                hex(&head.root)
            );
            let json =
                json!({"ok": true, "seq": index + 1, "size": head.size, "root": hex(&head.root)});
            Answer::new(json, text)
        }
        Err(why) => {
            let json = json!({"ok": false, "reason": why.to_string()});
            Answer::new(json, format!("The proof is not believed: {why}")).exit(1)
        }
    })
}

async fn checkpoint(global: &Global, out: &Out) -> Result<Answer, Failure> {
    let custody = Local::new(global)?.custody(Access::Read).await?;
    let made = custody.checkpoint().await;
    let verifier = custody.verifier().to_string();
    custody.store().close().await;
    let made = made?;
    let json = json!({
        "note": made.note,
        "verifier": verifier,
        "size": made.head.size,
        "root": hex(&made.head.root),
    });
    out.put(json, &made.note, &format!("Verified by {verifier}"))
}

impl Prove {
    async fn run(self, global: &Global) -> Result<Answer, Failure> {
        let id: EventId = self.event.parse().map_err(|_| {
            Failure::usage(format!("`{}` is no entry's id", self.event))
                .hint("`keystead audit list` names them")
        })?;
        let custody = Local::new(global)?.custody(Access::Read).await?;
        let proof = custody.prove(id).await;
        let verifier = custody.verifier().to_string();
        custody.store().close().await;
        let proof = proof?.to_text();
        let json = json!({"proof": proof, "verifier": verifier});
        self.out
            .put(json, &proof, &format!("Verified by {verifier}"))
    }
}

async fn export(global: &Global, out: &Out) -> Result<Answer, Failure> {
    let client = Client::with_api_token(global)?;
    let path = "/api/v1/audit/export";
    let Some(file) = &out.out else {
        client.download(path, &mut io::stdout().lock()).await?;
        return Ok(Answer::silent());
    };
    let mut written = new_file(file)?;
    let lines = client.download(path, &mut written).await?;
    let synced = written.flush().and_then(|()| written.sync_all());
    synced.map_err(|error| cannot_write(file, &error))?;
    let text = format!("{lines} entries are in {}", file.display());
    Ok(Answer::new(json!({"file": file, "entries": lines}), text))
}

impl Out {
    /// Prints a text, or writes it to the file and says so.
    fn put(&self, json: Value, text: &str, remark: &str) -> Result<Answer, Failure> {
        let Some(file) = &self.out else {
            return Ok(Answer::new(json, text));
        };
        let mut written = new_file(file)?;
        let done = written
            .write_all(text.as_bytes())
            .and_then(|()| written.sync_all());
        done.map_err(|error| cannot_write(file, &error))?;
        let said = format!("It is in {}. {remark}", file.display());
        Ok(Answer::new(json, said))
    }
}

/// The notes in a file: one, or one in each line of a sink.
fn notes(text: &str) -> Vec<String> {
    if !text.trim_start().starts_with('{') {
        return match text.trim().is_empty() {
            true => Vec::new(),
            false => vec![text.to_owned()],
        };
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    // A line that is none is a note that is not believed.
    let note = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["note"].as_str().unwrap_or_default().to_owned()
    };
    lines.map(note).collect()
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| {
        Failure::new(format!("{} can't be read: {error}", file.display())).coded("file")
    })
}

fn new_file(file: &Path) -> Result<fs::File, Failure> {
    fs::File::create_new(file).map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("{} can't be written: {error}", file.display())).coded("file")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
