//! A file that is long is several files, or says why not.

use super::Finding;
use super::source::Source;

/// Tests not counted: they are read one at a time.
const LONGEST: usize = 600;

/// What a long file begins with, followed by the reason.
const REASON: &str = "// Long: ";

pub(super) fn check(source: &Source) -> Option<Finding> {
    let lines = source.shipped().count();
    let has_reason = source
        .text
        .lines()
        .next()
        .is_some_and(|line| line.starts_with(REASON));
    let rule = format!("{lines} lines, over {LONGEST}: split it, or begin it with `{REASON}…`");
    (lines > LONGEST && !has_reason && !source.is_test()).then(|| Finding::at(source, 1, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count_and_a_reason_excuses() {
        let long = "let a = 1;\n".repeat(LONGEST + 1);
        let tests = format!("#[cfg(test)]\n{long}");
        let declared = format!("#[cfg(test)]\nmod tests;\n{long}");
        for (name, text, found) in [
            ("long", long.clone(), true),
            ("long tests", tests, false),
            ("long, its tests elsewhere", declared, true),
            (
                "long with a reason",
                format!("// Long: one table, read as one.\n{long}"),
                false,
            ),
            ("as long as may be", "let a = 1;\n".repeat(LONGEST), false),
        ] {
            assert_eq!(check(&Source::new("a.rs", text)).is_some(), found, "{name}");
        }
        assert!(check(&Source::new("a/tests.rs", long)).is_none());
    }
}
