//! `docs/reference/metrics.md`: every series that the management listener tells.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use http::StatusCode;

use crate::management::Metrics;

/// What is known of one metric.
#[derive(Default)]
struct Metric {
    help: String,
    kind: String,
    labels: Vec<String>,
}

/// The page, read from what a process prints that has counted one of everything.
pub fn metrics() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Made from the code by a test. `GET /metrics` on the management listener, in OpenMetrics \
         text. Labels come from fixed sets: no key, person, tenant or address is in any.\n\n\
         | name | type | labels | what it is |\n|---|---|---|---|\n",
    );
    for (name, metric) in read(&one_of_everything()) {
        let name = match metric.kind.as_str() {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name,
        };
        let labels: Vec<_> = metric.labels.iter().map(|one| format!("`{one}`")).collect();
        _ = writeln!(
            page,
            "| `{name}` | {} | {} | {} |",
            metric.kind,
            labels.join(", "),
            metric.help
        );
    }
    page
}

fn one_of_everything() -> String {
    let metrics = Metrics::new();
    let call = metrics.call("openai", "chat.completions");
    call.answered(StatusCode::OK);
    call.first_byte.observe(Duration::from_millis(1));
    call.duration.observe(Duration::from_millis(1));
    call.added.observe(Duration::from_millis(1));
    metrics.refused("x");
    metrics.token_request("x");
    metrics.hardened("x", true);
    metrics.sign_in("x");
    metrics.api_request("x");
    metrics.alert("x");
    metrics.attempt("x");
    metrics.token_lookup("x");
    metrics.shared_limits(true);
    metrics.render()
}

fn read(text: &str) -> BTreeMap<String, Metric> {
    let mut all: BTreeMap<String, Metric> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some((name, help)) = fact(line, "# HELP ") {
            // The encoder ends each with a full stop.
            all.entry(name).or_default().help = help.trim_end_matches('.').to_owned();
        } else if let Some((name, kind)) = fact(line, "# TYPE ") {
            last.clone_from(&name);
            all.entry(name).or_default().kind = kind;
        } else if let Some((_, labels)) = line.split_once('{') {
            let labels = labels.split('}').next().unwrap_or_default();
            let names = labels
                .split(',')
                .filter_map(|label| label.split('=').next());
            let known = &mut all.entry(last.clone()).or_default().labels;
            for name in names.filter(|name| *name != "le") {
                if !known.iter().any(|one| one == name) {
                    known.push(name.to_owned());
                }
            }
        }
    }
    all
}

fn fact(line: &str, start: &str) -> Option<(String, String)> {
    let (name, said) = line.strip_prefix(start)?.split_once(' ')?;
    Some((name.to_owned(), said.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_says_what_it_is() {
        let all = read(&one_of_everything());
        assert!(all.len() > 12, "these can't be all: {:?}", all.keys());
        for (name, metric) in &all {
            assert!(!metric.help.is_empty() && !metric.kind.is_empty(), "{name}");
        }
        let calls = &all["keystead_calls"];
        assert_eq!(calls.labels, ["provider", "operation", "status"]);
    }
}
