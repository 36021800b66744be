//! What scrolls sideways on a narrow screen can be reached by keyboard, and says what it is (WCAG 2.2, 2.1.1).
//!
//! Browser tests see only what happens to be too wide with their own contents; this sees all of it.

use super::Finding;
use super::source::Source;

pub(super) fn check(source: &Source) -> impl Iterator<Item = Finding> + '_ {
    let lines = source.text.lines().enumerate();
    lines
        .filter(|(_, line)| line.contains(SCROLLS) && !line.contains(REACHED))
        .map(|(index, _)| {
            let rule = format!("it scrolls: write `{SCROLLS}{REACHED}…\">`");
            Finding::at(source, index + 1, rule)
        })
}

const SCROLLS: &str = "<div class=\"scroll\"";
const REACHED: &str = " tabindex=\"0\" role=\"region\" aria-label=\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scrolls_without_a_keyboard_is_found() {
        let source = Source {
            path: "page.html".to_owned(),
            text: format!(
                "<p>\n{SCROLLS}><table>\n{SCROLLS}{REACHED}Keys\"><table>\n<div class=\"body\">"
            ),
        };
        let places: Vec<_> = check(&source).map(|finding| finding.place).collect();
        assert_eq!(places, ["page.html:2"]);
    }
}
