//! What was used of a key, as short rows of words.

use crate::{console::numbers, store::Figures};

/// What was used: only what there was any of, requests always.
pub(super) fn rows(figures: &Figures) -> Vec<(&'static str, String)> {
    let counts = [
        ("Requests", figures.requests),
        ("Failed", figures.failed),
        ("Input tokens", figures.input_tokens),
        ("Output tokens", figures.output_tokens),
        ("Characters", figures.characters),
        ("Images", figures.images),
    ];
    let shown = counts
        .into_iter()
        .enumerate()
        .filter(|(place, (_, count))| *place == 0 || *count > 0);
    let rows = shown.map(|(_, (label, count))| (label, numbers::count(count)));
    let cost = figures.cost();
    let cost = (cost > 0).then(|| ("Estimated cost", numbers::money(cost)));
    rows.chain(cost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_was_is_told() {
        let figures = Figures {
            input_tokens: 1_200,
            ..Figures::default()
        };
        assert_eq!(
            rows(&figures),
            [
                ("Requests", "0".to_owned()),
                ("Input tokens", "1,200".to_owned())
            ]
        );
    }
}
