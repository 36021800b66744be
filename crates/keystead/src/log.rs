//! What the program says while it runs: one line an event, to standard error.
//!
//! A field is written only if its name is on [`FIELDS`]; everything else is dropped, so a field
//! added in haste can't carry a prompt or an address into a log. Control and direction characters
//! are made visible, so that nothing a caller sent can forge a line or move a cursor. Spans are
//! not used: an event names its request by `request.id`.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal as _},
    panic,
};

use serde_json::{Map, Value, json};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

use crate::{
    config::{LogFormat, LogSettings},
    management::Metrics,
};

/// The names of fields that may be written, in order. None of them ever holds what a caller sent,
/// a secret, or anything about a person.
pub const FIELDS: &[&str] = &[
    "addon.id",
    "application.id",
    "attempt",
    "code",
    "count",
    "duration_ms",
    "error",
    "key.id",
    "kind",
    "limit",
    "listen",
    "meaning",
    "message",
    "object",
    "operation",
    "organization.id",
    "panic.location",
    "path",
    "place",
    "provider",
    "reason",
    "request.id",
    "rows",
    "setting",
    "signal",
    "status",
    "store",
    "threads",
    "url",
    "version",
];

/// Starts logging for the whole process. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    // A second start (tests in one process) keeps the first subscriber.
    _ = tracing::subscriber::set_global_default(subscriber(settings, json, io::stderr));
}

/// Makes a panic a counted line that says where, and never what: a payload can hold anything.
pub fn install_panic_hook(metrics: Metrics) {
    panic::set_hook(Box::new(move |panic| {
        metrics.panicked();
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(
            panic.location = location,
            "Panicked; the work that caused it has ended"
        );
    }));
}

fn subscriber<W>(settings: &LogSettings, json: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line { json })
        .with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(filter(settings)))
}

/// Keystead's own modules at the configured level or as `RUST_LOG` says; everything else at warn,
/// because what a dependency logs below that was not written with our promises in mind.
fn filter(settings: &LogSettings) -> Targets {
    let mut targets = Targets::new().with_default(Level::WARN);
    for own in OWN {
        targets = targets.with_target(own, level(settings.level.as_str()));
    }
    for directive in settings
        .rust_log
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
    {
        // An empty text would parse, as `error`.
        if directive.is_empty() {
            continue;
        }
        if let Ok(wanted) = directive.parse::<LevelFilter>() {
            targets = OWN
                .into_iter()
                .fold(targets, |all, own| all.with_target(own, wanted));
            continue;
        }
        let (target, wanted) = directive.split_once('=').unwrap_or((directive, "trace"));
        let Ok(wanted) = wanted.parse::<LevelFilter>() else {
            continue;
        };
        if OWN
            .iter()
            .any(|own| target == *own || target.starts_with(&format!("{own}::")))
        {
            targets = targets.with_target(target, wanted);
        }
    }
    targets
}

const OWN: [&str; 3] = ["keystead", "keystead_vault", "keystead_providers"];

fn level(text: &str) -> Level {
    text.parse().expect("the names of our levels are tracing's")
}

/// Writes an event as one line.
struct Line {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Allowed::default();
        event.record(&mut fields);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let level = event.metadata().level();
        let target = event.metadata().target();
        if self.json {
            let mut object = Map::new();
            object.insert("time".into(), time.into());
            object.insert("level".into(), level.as_str().to_ascii_lowercase().into());
            object.insert("target".into(), target.into());
            object.insert("message".into(), fields.message.into());
            object.extend(
                fields
                    .others
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
            return writeln!(writer, "{}", Value::Object(object));
        }
        write!(writer, "{time} {level:5} {target}: {}", fields.message)?;
        for (name, value) in fields.others {
            match value {
                Value::String(text) if !text.contains([' ', '"', '=']) => {
                    write!(writer, " {name}={text}")?;
                }
                value => write!(writer, " {name}={value}")?,
            }
        }
        writeln!(writer)
    }
}

/// The fields of one event that may be written.
#[derive(Default)]
struct Allowed {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Allowed {
    fn add(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let name = field.name();
        if !FIELDS.contains(&name) {
            return;
        }
        match (name, value()) {
            ("message", Value::String(text)) => self.message = text,
            (_, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Allowed {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, || visible(&format!("{value:?}")).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, || visible(value).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, || json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, || json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, || json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, || json!(value));
    }
}

/// `text` with every character that a terminal or a log reader would act on spelled out.
///
/// ```
/// assert_eq!(keystead::log::visible("a\n\u{1b}[31mb"), "a\\n\\u{1b}[31mb");
/// ```
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{2028}'
            | '\u{2029}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                _ = write!(out, "{}", c.escape_unicode());
            }
            c if c.is_control() => _ = write!(out, "{}", c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::config::LogLevel;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool, rust_log: Option<&str>, act: impl FnOnce()) -> String {
        let lines = Lines::default();
        let settings = LogSettings {
            format: LogFormat::Auto,
            level: LogLevel::Info,
            rust_log: rust_log.map(str::to_owned),
        };
        let writer = lines.clone();
        let subscriber = subscriber(&settings, json, move || writer.clone());
        tracing::subscriber::with_default(subscriber, act);
        let bytes = lines.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_field_that_is_not_on_the_list_is_dropped() {
        for json in [true, false] {
            let text = logged(json, None, || {
                tracing::info!(key.id = "key_1", prompt = "canary", status = 200, "Called");
            });
            assert!(text.contains("key_1") && text.contains("200") && text.contains("Called"));
            assert!(
                !text.contains("canary") && !text.contains("prompt"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_list_is_sorted_and_short_enough_to_read() {
        assert!(FIELDS.is_sorted());
        assert!(FIELDS.len() < 40);
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let evil = "a\nERROR forged\r\u{1b}[2J\u{202e}\u{9b}x\u{2028}";
        for json in [true, false] {
            let text = logged(json, None, || tracing::warn!(reason = evil, "said {evil}"));
            assert_eq!(text.lines().count(), 1, "{text}");
            let bad =
                |c: char| (c.is_control() && c != '\n') || ('\u{2020}'..'\u{2070}').contains(&c);
            assert!(!text.contains(bad), "{text:?}");
        }
    }

    #[test]
    fn json_lines_are_objects() {
        let text = logged(true, None, || tracing::info!(count = 3_u64, "Done \"now\""));
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "Done \"now\"");
        assert_eq!(
            (&line["count"], &line["level"]),
            (&json!(3), &json!("info"))
        );
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn rust_log_counts_for_our_own_modules_only() {
        let act = || {
            tracing::debug!(target: "keystead::proxy", "ours");
            tracing::debug!(target: "keystead_providers::openai", "adapter");
            tracing::debug!(target: "hyper::proto", "theirs");
            tracing::warn!(target: "keystead::app", "noted");
            tracing::warn!(target: "hyper::proto", "warned");
        };
        for (rust_log, expected) in [
            (None, vec!["noted", "warned"]),
            (Some("trace"), vec!["ours", "adapter", "noted", "warned"]),
            (
                Some("hyper=trace,keystead::proxy=debug"),
                vec!["ours", "noted", "warned"],
            ),
            (Some("keystead"), vec!["ours", "noted", "warned"]),
            (Some("hyper"), vec!["noted", "warned"]),
            (
                Some("keysteadish=trace,,=debug,nonsense=loud"),
                vec!["noted", "warned"],
            ),
        ] {
            let text = logged(false, rust_log, act);
            let said: Vec<_> = text
                .lines()
                .filter_map(|line| line.rsplit(' ').next())
                .collect();
            assert_eq!(said, expected, "{rust_log:?}");
        }
    }

    #[test]
    fn a_panic_is_counted_and_its_payload_is_not_printed() {
        let metrics = Metrics::new();
        let before = panic::take_hook();
        install_panic_hook(metrics.clone());
        let text = logged(true, None, || {
            let result = panic::catch_unwind(|| panic!("canary {}", "payload"));
            assert!(result.is_err());
        });
        panic::set_hook(before);
        assert!(metrics.panics() >= 1);
        assert!(
            text.contains("log.rs") && !text.contains("canary"),
            "{text}"
        );
    }
}
