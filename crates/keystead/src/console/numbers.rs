//! Numbers as people read them.

use std::fmt;

/// What a number counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    /// Things.
    Count,
    /// Millionths of a US dollar.
    Money,
}

impl Unit {
    /// To the last digit that says something: `12,345`, `$ 86.40`.
    pub(super) fn whole(self, amount: u64) -> String {
        match self {
            Self::Count => count(amount),
            Self::Money => money(amount),
        }
    }

    /// For the side of a chart: `12k`, `1.5M`, `$ 20`.
    pub(super) fn short(self, amount: u64) -> String {
        match self {
            Self::Count => short(amount, 1),
            Self::Money => format!("$ {}", short(amount, MICRO)),
        }
    }
}

/// `12,345`.
pub(super) fn count(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `$ 86.40`; less than a dollar with as many digits as it takes to say something.
pub(super) fn money(micro: u64) -> String {
    let (dollars, rest) = (micro / MICRO, micro % MICRO);
    match micro {
        0 => "$ 0.00".to_owned(),
        1..10_000 => format!("$ 0.{rest:06}").trim_end_matches('0').to_owned(),
        10_000..MICRO => format!("$ 0.{:04}", rest / 100),
        _ => format!("$ {}.{:02}", count(dollars), rest / 10_000),
    }
}

/// A part of a whole, such as `0.6 %`; nothing where there is no whole.
pub(super) fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = (u128::from(part) * 1_000).checked_div(u128::from(whole))?;
    Some(match (part, tenths) {
        (1.., 0) => "under 0.1 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    })
}

/// Three digits at most and a letter, as axes have them; `one` is what 1 is.
fn short(amount: u64, one: u64) -> String {
    let units = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
        (1, ""),
    ];
    let found = units.into_iter().find_map(|(size, letter)| {
        let size = one.checked_mul(size)?;
        (amount >= size).then_some((size, letter))
    });
    let (size, letter) = found.unwrap_or((one, ""));
    let (whole, rest) = (amount / size, amount % size);
    let digits = match whole {
        // Fractions of a dollar.
        0 => 6,
        1..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    let mut text = whole.to_string();
    if rest > 0 && digits > 0 {
        let scale = 10_u128.pow(digits);
        let part = u128::from(rest) * scale / u128::from(size);
        let width = usize::try_from(digits).unwrap_or_default();
        let part = format!("{part:0width$}");
        let part = part.trim_end_matches('0');
        if !part.is_empty() {
            text = format!("{text}.{part}");
        }
    }
    text + letter
}

/// A text between tags or in a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

const MICRO: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (amount, whole, short) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1k"),
            (9_500, "9,500", "9.5k"),
            (12_345, "12,345", "12.3k"),
            (123_456, "123,456", "123k"),
            (1_250_000, "1,250,000", "1.25M"),
            (u64::MAX, "18,446,744,073,709,551,615", "18446744T"),
        ] {
            assert_eq!(Unit::Count.whole(amount), whole);
            assert_eq!(Unit::Count.short(amount), short);
        }
        for (micro, whole, short) in [
            (0, "$ 0.00", "$ 0"),
            (1, "$ 0.000001", "$ 0.000001"),
            (4_200, "$ 0.0042", "$ 0.0042"),
            (250_000, "$ 0.2500", "$ 0.25"),
            (86_400_000, "$ 86.40", "$ 86.4"),
            (20_000_000, "$ 20.00", "$ 20"),
            (1_500_000_000, "$ 1,500.00", "$ 1.5k"),
            (u64::MAX, "$ 18,446,744,073,709.55", "$ 18.4T"),
        ] {
            assert_eq!(Unit::Money.whole(micro), whole);
            assert_eq!(Unit::Money.short(micro), short);
        }
    }

    #[test]
    fn a_part_is_told_in_tenths_of_a_percent() {
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(0, 9).as_deref(), Some("0.0 %"));
        assert_eq!(percent(1, 100_000).as_deref(), Some("under 0.1 %"));
        assert_eq!(percent(312, 48_210).as_deref(), Some("0.6 %"));
        assert_eq!(percent(u64::MAX, u64::MAX).as_deref(), Some("100.0 %"));
    }

    #[test]
    fn no_text_becomes_a_tag() {
        let text = Escaped("<b a='1' c=\"2\">&").to_string();
        assert_eq!(text, "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
    }
}
