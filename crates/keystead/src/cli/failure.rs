//! What a command says when it did not work, and with which exit code.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use crate::{config::ConfigError, log::visible};

/// Why a command failed: what happened, and what to do.
#[derive(Debug)]
pub(super) struct Failure {
    /// A stable word, for `--json`.
    pub(super) code: String,
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    pub(super) exit: u8,
}

/// sysexits' EX_CONFIG: something about the installation is wrong, trying again won't help.
const EX_CONFIG: u8 = 78;

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            code: "failed".into(),
            message: message.into(),
            hint: None,
            exit: 1,
        }
    }

    /// Wrong use of the command line that clap can't see.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: "usage".into(),
            exit: 2,
            ..Self::new(message)
        }
    }

    /// Configuration or root key.
    pub(super) fn configuration(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            exit: EX_CONFIG,
            ..Self::new(message)
        }
    }

    /// The error and everything that caused it, in one line.
    pub(super) fn caused(error: &dyn Error) -> Self {
        Self::new(chain(error))
    }

    #[must_use]
    pub(super) fn coded(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn print(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            let error = json!({"code": self.code, "message": self.message, "hint": self.hint});
            format!("{}\n", json!({ "error": error }))
        } else {
            let hint = self
                .hint
                .as_ref()
                .map(|hint| format!("hint: {}\n", clean(hint)));
            format!(
                "error: {}\n{}",
                clean(&self.message),
                hint.unwrap_or_default()
            )
        };
        _ = io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(self.exit)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::configuration("configuration", error.to_string())
            .hint("`keystead config example` lists every setting")
    }
}

/// An error and its causes: `could not connect: connection refused`.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

/// Control characters spelled out, line by line.
fn clean(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}
