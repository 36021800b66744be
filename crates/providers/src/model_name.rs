//! Names of models, with and without the day of their release.

/// A model as a request names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ModelName<'a> {
    whole: &'a str,
    undated: &'a str,
}

impl<'a> ModelName<'a> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self {
            whole: name,
            undated: undated(name),
        }
    }

    /// What a data file may call it: by its date first.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a str> {
        let undated = (self.undated.len() < self.whole.len()).then_some(self.undated);
        [Some(self.whole), undated].into_iter().flatten()
    }
}

/// The model's name without the date of its release: `-20251001`, `-2025-10-01`, `-latest`.
fn undated(model: &str) -> &str {
    let is_date = |tail: &str| {
        let digits = tail.bytes().filter(u8::is_ascii_digit).count();
        digits == 8 && (tail.len() == 8 || (tail.len() == 10 && tail.matches('-').count() == 2))
    };
    let cut = |tail: usize| {
        let at = model.len().checked_sub(tail + 1)?;
        let (name, date) = model.split_at_checked(at)?;
        date.strip_prefix('-')
            .filter(|date| is_date(date))
            .map(|_| name)
    };
    model
        .strip_suffix("-latest")
        .or_else(|| cut(8))
        .or_else(|| cut(10))
        .unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_with_its_date_and_without() {
        for (model, is) in [
            ("small", true),
            ("small-20260101", true),
            ("small-2026-01-01", true),
            ("small-latest", true),
            ("small-2", false),
            ("small-202601", false),
            ("small-2026-01-01-preview", false),
            ("a-small", false),
            ("", false),
        ] {
            let mut names = ModelName::new(model).names();
            assert_eq!(names.any(|name| name == "small"), is, "{model}");
        }
        let names = ModelName::new("small-2026-01-01").names();
        assert!(names.eq(["small-2026-01-01", "small"]));
    }
}
