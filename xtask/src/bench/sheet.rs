//! What was measured, round by round.

use std::collections::BTreeMap;

use super::figure::{Against, Figure};

/// What each subject came to, a value a round.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    values: BTreeMap<(Figure, String), Vec<f64>>,
    /// CPU time a request at 64 connections by subject and thread name, a value a round.
    threads: BTreeMap<(String, String), Vec<f64>>,
}

impl Sheet {
    pub(super) fn of(&self, figure: Figure, subject: &str) -> &[f64] {
        self.values
            .get(&(figure, subject.to_owned()))
            .map_or(&[], Vec::as_slice)
    }

    /// The candidate's value in times nginx's, round by round.
    pub(super) fn ratios(&self, figure: Figure, candidate: &str) -> Vec<f64> {
        let values = |subject| self.of(figure, subject).iter();
        let ratio = |((candidate, nginx), direct): ((&f64, &f64), f64)| {
            (candidate - direct) / (nginx - direct)
        };
        let direct: Vec<f64> = match figure.meaning().against {
            Against::Whole => vec![0.0; values(candidate).len()],
            Against::Direct => values("direct").copied().collect(),
        };
        values(candidate)
            .zip(values("nginx"))
            .zip(direct)
            .map(ratio)
            .collect()
    }

    /// The names of a subject's threads, each with its share of the CPU time of a request.
    pub(super) fn threads(&self, subject: &str) -> impl Iterator<Item = (&str, &[f64])> {
        let own = self
            .threads
            .iter()
            .filter(move |((name, _), _)| name == subject);
        own.map(|((_, thread), values)| (thread.as_str(), values.as_slice()))
    }

    pub(super) fn note(&mut self, figure: Figure, subject: &str, value: f64) {
        self.values
            .entry((figure, subject.to_owned()))
            .or_default()
            .push(value);
    }

    pub(super) fn note_threads(&mut self, subject: &str, by_thread: BTreeMap<String, f64>) {
        for (thread, value) in by_thread {
            self.threads
                .entry((subject.to_owned(), thread))
                .or_default()
                .push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_proxy_adds_is_counted_from_the_direct_way() {
        let mut sheet = Sheet::default();
        for (subject, values) in [
            ("direct", [100.0, 200.0]),
            ("nginx", [300.0, 300.0]),
            ("keystead", [320.0, 350.0]),
        ] {
            for value in values {
                sheet.note(Figure::LatencyP50, subject, value);
                sheet.note(Figure::Cpu64, subject, value);
            }
        }

        assert_eq!(sheet.ratios(Figure::LatencyP50, "keystead"), [1.1, 1.5]);
        assert_eq!(
            sheet.ratios(Figure::Cpu64, "keystead"),
            [320.0 / 300.0, 350.0 / 300.0]
        );
        assert!(sheet.ratios(Figure::Ready, "keystead").is_empty());
    }
}
