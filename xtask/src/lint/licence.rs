//! Whether a licence expression (SPDX) can be met with the licences of a list.

/// True if the choice it leaves can be made from `allowed` alone.
///
/// Reads `OR`, `AND`, parentheses and the old `/` for `OR`. `WITH` makes one name of two, so an
/// exception has to be listed whole. What can't be read is not allowed.
pub(super) fn is_met(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader {
        words: &words,
        allowed,
    };
    reader.any() == Some(true) && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Reader<'_> {
    /// `a OR b`, which binds weakest.
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.any()?;
            return self.take(")").then_some(met);
        }
        let mut name = self.next()?.to_owned();
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.next()?);
        }
        Some(self.allowed.contains(&name))
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = &self.words[1..];
        }
        is_next
    }

    fn next(&mut self) -> Option<&str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_met_by_one_and_a_sum_by_all() {
        let allowed = ["MIT", "ISC", "Zlib"].map(str::to_owned);
        for (expression, met) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("Apache-2.0/MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("ISC AND (GPL-3.0-only OR MIT)", true),
            ("ISC AND GPL-3.0-only OR MIT", true),
            ("(GPL-3.0-only OR MIT) AND Apache-2.0", false),
            ("MIT WITH an-exception", false),
            ("MIT WITH an-exception OR Zlib", true),
            ("(MIT", false),
            ("MIT ISC", false),
            ("", false),
        ] {
            assert_eq!(is_met(expression, &allowed), met, "{expression}");
        }
    }
}
