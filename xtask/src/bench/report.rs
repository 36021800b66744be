//! What was measured, for people (a table), for programs (JSON) and for the record (a page).

use serde_json::{Map, Value, json};

use super::figure::{Against, Bar, Figure, Meaning};
use super::sheet::Sheet;
use super::statistics::Spread;

/// A finished run.
#[derive(Debug)]
pub(super) struct Report {
    candidate: String,
    lines: Vec<Line>,
    /// The candidate's threads by name, and what a request costs in each, in microseconds.
    threads: Vec<(String, Spread)>,
}

/// One figure of it.
#[derive(Debug)]
struct Line {
    meaning: Meaning,
    direct: Spread,
    nginx: Spread,
    candidate: Spread,
    ratio: Spread,
}

impl Report {
    pub(super) fn new(sheet: &Sheet, candidate: &str) -> Self {
        let line = |figure: Figure| Line {
            meaning: figure.meaning(),
            direct: Spread::of(sheet.of(figure, "direct")),
            nginx: Spread::of(sheet.of(figure, "nginx")),
            candidate: Spread::of(sheet.of(figure, candidate)),
            ratio: Spread::of(&sheet.ratios(figure, candidate)),
        };
        let thread = |(name, values): (&str, &[f64])| (name.to_owned(), Spread::of(values));
        Self {
            candidate: candidate.to_owned(),
            lines: Figure::ALL.map(line).into(),
            threads: sheet.threads(candidate).map(thread).collect(),
        }
    }

    /// A table that reads as well in a terminal as on a page.
    pub(super) fn table(&self) -> String {
        let mut rows = vec![
            format!(
                "| | unit | direct | nginx | {} | times nginx (quartiles) | bar |",
                self.candidate
            ),
            "|---|---|---|---|---|---|---|".to_owned(),
        ];
        rows.extend(self.lines.iter().map(Line::row));
        rows.push(String::new());
        rows.push(self.shares());
        rows.join("\n")
    }

    /// Which threads the CPU time of a request goes to: `proxy` carries calls, the others keep books.
    fn shares(&self) -> String {
        let share = |(name, spread): &(String, Spread)| format!("{name} {:.1} µs", spread.median);
        let shares: Vec<_> = self.threads.iter().map(share).collect();
        format!(
            "CPU a request, 64 connections, by thread: {}.",
            shares.join(", ")
        )
    }

    /// Everything, with the names that other programs rely on at the top.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        for line in &self.lines {
            let Meaning { name, .. } = line.meaning;
            object.insert(format!("{name}_ratio"), number(line.ratio.median));
            let short = match name {
                "stream" => "kb_per_stream",
                "stream_steady" => "kb_per_stream_steady",
                "ready" => "ready_ms",
                _ => continue,
            };
            object.insert(short.to_owned(), number(line.candidate.median));
        }
        let details = self
            .lines
            .iter()
            .map(|line| (line.meaning.name.to_owned(), line.json()));
        object.insert("candidate".to_owned(), self.candidate.clone().into());
        let threads = self
            .threads
            .iter()
            .map(|(name, cpu)| (name.clone(), number(cpu.median)));
        object.insert("cpu_by_thread".to_owned(), Value::Object(threads.collect()));
        object.insert("figures".to_owned(), Value::Object(details.collect()));
        Value::Object(object)
    }

    /// `bench/RESULTS.md`.
    pub(super) fn page(&self, machine: &[(&str, String)], command: &str) -> String {
        let facts: String = machine
            .iter()
            .map(|(name, value)| format!("| {name} | {value} |\n"))
            .collect();
        format!(
            "# How fast Keystead is\n\n\
             Made by `{command}`; not edited by hand. Ratios hold on other machines, times do not.\n\n\
             nginx puts a fixed header into each request and does nothing else \
             ([its configuration](nginx.conf)). Keystead does all of its work, every limit counted; it is \
             built as it is shipped, laid out by counts of such calls \
             ([0026](../docs/decisions/0026-guided-by-profiles.md)). \
             Load and stand-in provider share one core, the proxy has another; each measurement has \
             a fresh process, and the order changes from round to round. Values are medians over the \
             rounds, ratios medians of the ratio within a round. Of times \"added\", the direct way is \
             taken off before the ratio is made. CPU time is the kernel's own account of the process; \
             memory is its proportional set size.\n\n{}\n\n| | |\n|---|---|\n{facts}",
            self.table()
        )
    }
}

impl Line {
    fn row(&self) -> String {
        let Meaning {
            text,
            unit,
            against,
            bar,
            ..
        } = self.meaning;
        let (bar, is_met) = match bar {
            Bar::Ratio(most) => (format!("≤ {most} × nginx"), self.ratio.median <= most),
            Bar::Value(most) => (format!("≤ {most} {unit}"), self.candidate.median <= most),
            Bar::None => (String::new(), true),
        };
        let missed = if is_met { "" } else { " **missed**" };
        let direct = match against {
            Against::Direct => figures(self.direct.median),
            Against::Whole if self.direct.median.is_nan() => String::new(),
            Against::Whole => figures(self.direct.median),
        };
        let Spread {
            lower,
            median,
            upper,
        } = self.ratio;
        format!(
            "| {text} | {unit} | {direct} | {} | {} | {median:.2} ({lower:.2}–{upper:.2}) | {bar}{missed} |",
            figures(self.nginx.median),
            figures(self.candidate.median),
        )
    }

    fn json(&self) -> Value {
        let spread = |Spread {
                          lower,
                          median,
                          upper,
                      }: Spread| {
            json!({"lower": number(lower), "median": number(median), "upper": number(upper)})
        };
        json!({
            "text": self.meaning.text,
            "unit": self.meaning.unit,
            "direct": spread(self.direct),
            "nginx": spread(self.nginx),
            "candidate": spread(self.candidate),
            "ratio": spread(self.ratio),
        })
    }
}

/// Three digits that mean something.
fn figures(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// JSON has no word for a value that was not measured but null.
fn number(value: f64) -> Value {
    if value.is_finite() {
        json!((value * 1e4).round() / 1e4)
    } else {
        Value::Null
    }
}
