//! `[log]`: how much is logged, and in which form.

use super::{Sources, reader::Reader, value::Value};

/// The `[log]` table.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Text or JSON.
    pub format: LogFormat,
    /// How much of Keystead's own.
    pub level: LogLevel,
    /// What `RUST_LOG` says; it counts for Keystead's own modules only.
    pub rust_log: Option<String>,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text if standard error is a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// The least important line that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// And what needs attention.
    Warn,
    /// And what happened.
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

impl LogSettings {
    pub(super) fn read(reader: &mut Reader<'_>, sources: &Sources) -> Self {
        Self {
            format: reader.read(
                "log.format",
                "auto",
                "`text`, `json`, or `auto`: text on a terminal, else JSON. To standard error.",
            ),
            level: reader.read(
                "log.level",
                "info",
                "`error`, `warn`, `info`, `debug` or `trace`. RUST_LOG overrides it for \
                 Keystead's own modules; dependencies stay at warn.",
            ),
            rust_log: sources.environment.get("RUST_LOG").cloned(),
        }
    }
}

impl LogLevel {
    /// As in the file and as the subscriber's filter wants it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "`auto`, `text` or `json`";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Value for LogLevel {
    const EXPECTED: &'static str = "`error`, `warn`, `info`, `debug` or `trace`";

    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ];
        all.into_iter().find(|level| level.as_str() == text)
    }
}
