//! Charts, drawn as SVG: bars that stand on each other, and a line as small as a word.
//!
//! Pure: numbers in, text out, no style attribute (the page's policy forbids them) and no script.
//! Series differ by pattern as well as by colour, and beside each chart stands a table of what it
//! shows. Places are counted in tenths of a unit, in whole numbers, so that no division of nothing
//! can end up in a page.

use std::fmt::{self, Write as _};

use super::numbers::{Escaped, Unit};

/// Bars, one a label, each made of one part a series.
#[derive(Clone, Debug)]
pub(super) struct Bars {
    /// Tells this chart from the others of a page; letters.
    pub(super) id: &'static str,
    /// What is shown, as a sentence.
    pub(super) title: String,
    /// What the numbers count.
    pub(super) unit: Unit,
    /// What stands below each bar, and in full in the table.
    pub(super) labels: Vec<Label>,
    /// As many values each as there are labels; [`MOST_SERIES`] at most are told apart.
    pub(super) series: Vec<Series>,
}

/// What a bar is of.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// `14 Nov`.
    pub(super) short: String,
    /// `2026-11-14`.
    pub(super) whole: String,
}

/// One value a label.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// What it is of.
    pub(super) name: String,
    /// How much of it.
    pub(super) values: Vec<u64>,
}

/// How many series there are patterns for.
pub(super) const MOST_SERIES: usize = 6;

impl Bars {
    /// Whether there is anything to show.
    pub(super) fn is_empty(&self) -> bool {
        self.series
            .iter()
            .all(|one| one.values.iter().all(|value| *value == 0))
    }

    /// The SVG.
    pub(super) fn drawn(&self) -> Drawn {
        let mut svg = String::new();
        // Writing into a text can't fail.
        _ = self.draw(&mut svg);
        Drawn(svg)
    }

    /// What each pattern stands for.
    pub(super) fn legend(&self) -> Drawn {
        let mut html = String::new();
        for (number, series) in self.series.iter().enumerate() {
            _ = write!(
                html,
                r#"<span><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" fill="url(#{}-{})"/></svg>{}</span>"#,
                self.id,
                pattern(number),
                Escaped(&series.name)
            );
        }
        Drawn(html)
    }

    /// The rows of the table: the label in full, each series' value, and all together.
    pub(super) fn rows(&self) -> Vec<(String, Vec<String>, String)> {
        let row = |(place, label): (usize, &Label)| {
            let values: Vec<_> = self.series.iter().map(|one| value(one, place)).collect();
            let sum = values
                .iter()
                .fold(0_u64, |sum, value| sum.saturating_add(*value));
            let shown = values.iter().map(|value| self.unit.whole(*value)).collect();
            (label.whole.clone(), shown, self.unit.whole(sum))
        };
        self.labels.iter().enumerate().map(row).collect()
    }

    fn draw(&self, out: &mut String) -> fmt::Result {
        let (id, count) = (self.id, self.labels.len());
        let scale = Scale::of(self.highest());
        write!(
            out,
            r#"<svg class="chart" viewBox="0 0 640 200" role="img" aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>"#,
            Escaped(&self.title),
            Escaped(&self.described())
        )?;
        out.push_str("<defs>");
        for (class, mark) in (1..=self.series.len()).zip(MARKS) {
            write!(
                out,
                r#"<pattern id="{id}-{class}" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="s{class}" width="6" height="6"/>{mark}</pattern>"#
            )?;
        }
        out.push_str("</defs>");
        for step in 0..=scale.steps {
            let amount = scale.step.saturating_mul(step);
            let y = BOTTOM - scale.height(amount);
            write!(
                out,
                r#"<line class="grid" x1="{}" x2="{}" y1="{y}" y2="{y}"/><text x="{}" y="{}" text-anchor="end">{}</text>"#,
                Tenths(LEFT),
                Tenths(RIGHT),
                Tenths(LEFT - 80),
                Tenths(y + 40),
                Escaped(&self.unit.short(amount)),
                y = Tenths(y),
            )?;
        }
        for place in 0..count {
            self.draw_bar(out, &scale, place)?;
        }
        let every = count.div_ceil(MOST_LABELS).max(1);
        for (place, label) in self.labels.iter().enumerate() {
            if (count - 1 - place).is_multiple_of(every) {
                let (x, width) = slot(place, count);
                write!(
                    out,
                    r#"<text x="{}" y="192" text-anchor="middle">{}</text>"#,
                    Tenths(x + width / 2),
                    Escaped(&label.short)
                )?;
            }
        }
        out.push_str("</svg>");
        Ok(())
    }

    /// The parts of one bar, from below.
    fn draw_bar(&self, out: &mut String, scale: &Scale, place: usize) -> fmt::Result {
        let (x, width) = bar(place, self.labels.len());
        let mut top = BOTTOM;
        for (number, series) in self.series.iter().enumerate() {
            let value = value(series, place);
            if value == 0 {
                continue;
            }
            // What is there is to be seen, however little it is.
            let height = scale.height(value).max(10).min(top);
            if height == 0 {
                break;
            }
            top -= height;
            write!(
                out,
                r#"<rect x="{}" y="{}" width="{}" height="{}" fill="url(#{}-{})"/>"#,
                Tenths(x),
                Tenths(top),
                Tenths(width),
                Tenths(height),
                self.id,
                pattern(number)
            )?;
        }
        Ok(())
    }

    /// The height of the highest bar.
    fn highest(&self) -> u64 {
        let sums = (0..self.labels.len()).map(|place| {
            let values = self.series.iter().map(|one| value(one, place));
            values.fold(0_u64, u64::saturating_add)
        });
        sums.max().unwrap_or(0)
    }

    /// The same in a sentence, for those who do not see it.
    fn described(&self) -> String {
        let sums = self.series.iter().map(|one| {
            let sum = one
                .values
                .iter()
                .fold(0_u64, |sum, value| sum.saturating_add(*value));
            format!("{}: {}", one.name, self.unit.whole(sum))
        });
        let sums: Vec<_> = sums.collect();
        match (self.labels.first(), self.labels.last()) {
            (Some(first), Some(last)) => format!(
                "From {} to {}. {}.",
                first.whole,
                last.whole,
                sums.join(", ")
            ),
            _ => "Nothing to show.".to_owned(),
        }
    }
}

/// A line without words, beside the number that it leads to.
pub(super) fn sparkline(values: &[u64]) -> Drawn {
    let highest = values.iter().copied().max().unwrap_or(0);
    let last = values.len().saturating_sub(1).max(1);
    let mut points = String::new();
    for (place, value) in values.iter().enumerate() {
        let x = 10 + place * 980 / last;
        let y = 190 - scaled(*value, highest, 180);
        _ = write!(
            points,
            "{}{},{}",
            if place > 0 { " " } else { "" },
            Tenths(x),
            Tenths(y)
        );
    }
    Drawn(format!(
        r#"<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><polyline points="{points}" fill="none" vector-effect="non-scaling-stroke"/></svg>"#
    ))
}

/// What was drawn: a part of a page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Drawn(String);

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Made here, of numbers and texts that were escaped.
impl askama::filters::HtmlSafe for Drawn {}

/// How amounts become heights: some steps of a round number each.
struct Scale {
    step: u64,
    steps: u64,
}

impl Scale {
    /// Three to five steps of 1, 2 or 5 and zeros, as far as numbers go.
    fn of(highest: u64) -> Self {
        let wanted = highest.div_ceil(5).max(1);
        let mut power = 1_u64;
        let step = loop {
            let round = [1, 2, 5].map(|digit| power.saturating_mul(digit));
            if let Some(step) = round.into_iter().find(|step| *step >= wanted) {
                break step;
            }
            power = power.saturating_mul(10);
        };
        Self {
            step,
            steps: highest.div_ceil(step).max(1),
        }
    }

    fn height(&self, amount: u64) -> usize {
        scaled(amount, self.step.saturating_mul(self.steps), BOTTOM - TOP)
    }
}

/// A part of `highest` as the same part of `height`.
fn scaled(amount: u64, highest: u64, height: usize) -> usize {
    let parts = u128::from(amount) * height as u128;
    let scaled = parts.checked_div(u128::from(highest)).unwrap_or(0);
    usize::try_from(scaled).unwrap_or(height).min(height)
}

/// Where the room for a bar begins, and how wide it is.
fn slot(place: usize, count: usize) -> (usize, usize) {
    let at = |place: usize| LEFT + place * (RIGHT - LEFT) / count;
    (at(place), at(place + 1) - at(place))
}

/// Where a bar begins, and how wide it is: with some room beside it, as long as there is any.
fn bar(place: usize, count: usize) -> (usize, usize) {
    let (x, slot) = slot(place, count);
    let beside = match slot {
        0..40 => slot / 8,
        40..200 => slot / 5,
        _ => (slot / 4).max(slot.saturating_sub(480) / 2),
    };
    (x + beside, (slot - 2 * beside).max(1))
}

fn value(series: &Series, place: usize) -> u64 {
    series.values.get(place).copied().unwrap_or(0)
}

/// Which pattern a series has; what there is none for has the last.
fn pattern(number: usize) -> usize {
    number.min(MOST_SERIES - 1) + 1
}

/// A place in tenths, as SVG writes it.
struct Tenths(usize);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

/// What is drawn over the colour of each series.
const MARKS: [&str; MOST_SERIES] = [
    "",
    r#"<path class="mark" d="M-1 1 1-1M0 6 6 0M5 7 7 5"/>"#,
    r#"<circle class="dot" cx="3" cy="3" r="1.1"/>"#,
    r#"<path class="mark" d="M0 3H6"/>"#,
    r#"<path class="mark" d="M0 0 6 6M0 6 6 0"/>"#,
    r#"<path class="mark" d="M3 0V6"/>"#,
];

/// Where bars may stand, in tenths.
const LEFT: usize = 640;
const RIGHT: usize = 6_320;
const TOP: usize = 160;
const BOTTOM: usize = 1_700;
/// How many labels stand beside each other without touching.
const MOST_LABELS: usize = 8;

#[cfg(test)]
mod tests;
