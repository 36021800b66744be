//! The command line: one file a command.
//!
//! ```text
//! arguments -> Cli -> a command -> Answer -> standard output        (one JSON value with --json)
//!                               └> Failure -> standard error + exit code
//! ```
//!
//! Secrets come by standard input or from a file, never as an argument: arguments are in the shell's
//! history and in the process list. `serve`, `demo`, `init`, `account`, `config`, `db`, `backup`,
//! `restore`, `restored`, `rekey`, `doctor` and `audit verify` work on this machine's files and store; all others
//! speak HTTP to `KEYSTEAD_URL` and hold no key but their API token.

mod account;
mod addon;
mod alerts;
mod answer;
mod api_token;
mod app;
mod arguments;
mod audit;
mod backup;
mod client;
mod config;
mod csv;
mod db;
mod doctor;
#[cfg(test)]
mod documents;
mod download;
mod failure;
mod init;
mod key;
mod limits;
mod local;
mod member;
mod privacy;
mod rekey;
mod restore;
mod secret;
mod serve;
mod token;
mod usage;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

pub use self::arguments::Global;
use self::{answer::Answer, failure::Failure, local::Local};

/// Keeps AI provider keys sealed, and lets applications call the providers without holding one.
#[derive(Debug, Parser)]
#[command(
    name = "keystead",
    version,
    max_term_width = 100,
    propagate_version = false
)]
#[command(after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the main job in a terminal and in a browser, on this machine alone
    Demo,
    /// Serve the proxy, the API and the token endpoint
    Serve,
    /// Make an account with an organization of its own, and an API token for it
    Init(init::Init),
    /// Accounts of people who are locked out
    #[command(subcommand)]
    Account(account::Account),
    /// Host applications and their client secrets
    #[command(subcommand)]
    App(app::App),
    /// Provider keys
    #[command(subcommand)]
    Key(key::Key),
    /// AddOns: what an application's users may do with a key
    #[command(subcommand)]
    Addon(addon::Addon),
    /// Members of the organization and their roles
    #[command(subcommand)]
    Member(member::Member),
    /// API tokens, which commands and scripts manage Keystead with
    #[command(subcommand)]
    ApiToken(api_token::ApiToken),
    /// Access tokens, with an application's client secret
    #[command(subcommand)]
    Token(token::Token),
    /// What may be used, and how much of it
    #[command(subcommand)]
    Limits(limits::Limits),
    /// What was used, and what it cost
    Usage(usage::Usage),
    /// What was found that someone must look at
    #[command(subcommand)]
    Alerts(alerts::Alerts),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// End users: what is known about them, and its erasure
    #[command(subcommand)]
    Subject(privacy::Subject),
    /// Your own account: what is known about it, and its erasure
    #[command(subcommand)]
    MyAccount(privacy::MyAccount),
    /// Your organization, as a whole
    #[command(subcommand)]
    Organization(privacy::Organization),
    /// Check that the receipt of an erasure is genuine; needs no server
    Receipt(privacy::Receipt),
    /// Look for what is wrong with this installation
    Doctor,
    /// The Data Store: its schema, its sums of the ledger
    #[command(subcommand)]
    Db(db::Db),
    /// Write the whole store into one file; runs beside a server
    Backup(backup::Backup),
    /// Make a fresh store what a backup says
    Restore(restore::Restore),
    /// Change the root key; no server may run
    Rekey(rekey::Rekey),
    /// Keys of organizations and people, which wrap the keys of their provider keys
    #[command(subcommand)]
    KeyOwner(rekey::KeyOwner),
    /// What a restore left disabled: API tokens, client secrets, grants
    #[command(subcommand)]
    Restored(restore::Waiting),
    /// Settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// Runs the command in `arguments`, the program's name first, and says how it ended.
///
/// Must be called from the main thread before any other exists: `serve` prepares the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return answer::usage(&error),
    };
    let json = cli.global.json;
    match dispatch(cli) {
        Ok(answer) => answer.print(json),
        Err(failure) => failure.print(json),
    }
}

fn dispatch(cli: Cli) -> Result<Answer, Failure> {
    let global = cli.global;
    match cli.command {
        Command::Demo => serve::demo(&global),
        Command::Serve => serve::serve(&global),
        Command::Config(command) => command.run(&global),
        Command::Init(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Account(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Db(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Backup(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Restore(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Rekey(command) => block_on(command.run(&Local::new(&global)?)),
        Command::KeyOwner(command) => block_on(command.run(&global)),
        Command::Restored(command) => block_on(command.run(&Local::new(&global)?)),
        Command::Doctor => block_on(doctor::run(&global)),
        Command::Alerts(command) => block_on(command.run(&global)),
        Command::Audit(command) => block_on(command.run(&global)),
        Command::App(command) => block_on(command.run(&global)),
        Command::Key(command) => block_on(command.run(&global)),
        Command::Member(command) => block_on(command.run(&global)),
        Command::ApiToken(command) => block_on(command.run(&global)),
        Command::Addon(command) => block_on(command.run(&global)),
        Command::Subject(command) => block_on(command.run(&global)),
        Command::MyAccount(command) => block_on(command.run(&global)),
        Command::Organization(command) => block_on(command.run(&global)),
        Command::Receipt(command) => command.run(),
        Command::Token(command) => block_on(command.run(&global)),
        Command::Limits(command) => block_on(command.run(&global)),
        Command::Usage(command) => block_on(command.run(&global)),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| Failure::new(format!("could not start: {error}")))?
        .block_on(work)
}

/// The help of every command, for the reference page.
pub fn reference() -> String {
    let mut text = String::new();
    let mut command = Cli::command().term_width(100);
    command.build();
    write_help(&mut text, &mut command);
    text
}

fn write_help(text: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or("keystead").to_owned();
    let help = command.render_long_help();
    text.push_str(&format!(
        "## `{name}`\n\n```text\n{}\n```\n\n",
        help.to_string().trim_end()
    ));
    for inner in command.get_subcommands_mut() {
        if inner.get_name() != "help" {
            write_help(text, inner);
        }
    }
}

const AFTER_HELP: &str = "\
Secrets come by standard input or from a file, never as an argument.

Environment:
  KEYSTEAD_URL             where the server is (default: server.public_url)
  KEYSTEAD_API_TOKEN       the API token; or KEYSTEAD_API_TOKEN_FILE, a file that holds it
  KEYSTEAD_CA_FILE         PEM certificates to trust besides the public ones, for KEYSTEAD_URL
  KEYSTEAD_SECTION__KEY    a setting, as `keystead config example` lists them

Exit codes: 0 done, 1 failed, 2 wrong usage, 78 configuration or root key.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_secret() {
        let text = reference();
        for forbidden in [
            "--key <",
            "--client-secret <",
            "--token <",
            "--password <",
            "--api-token <",
        ] {
            // `addon install --key` names a stored key by its id.
            let found = text.lines().filter(|line| line.contains(forbidden));
            let secrets: Vec<_> = found
                .filter(|line| !line.contains("--key <KEY_ID>"))
                .collect();
            assert!(secrets.is_empty(), "{secrets:?}");
        }
    }
}
