//! Charts come out as they are to be, whatever the numbers.

use proptest::prelude::*;

use super::*;

fn chart(values: &[&[u64]]) -> Bars {
    let count = values.first().map_or(0, |values| values.len());
    let label = |place: usize| Label {
        short: format!("{} Nov", place + 1),
        whole: format!("2026-11-{:02}", place + 1),
    };
    let series = values.iter().enumerate().map(|(number, values)| Series {
        name: format!("series {number}"),
        values: values.to_vec(),
    });
    Bars {
        id: "c",
        title: "Requests a day".to_owned(),
        unit: Unit::Count,
        labels: (0..count).map(label).collect(),
        series: series.collect(),
    }
}

#[test]
fn a_small_chart_is_drawn_to_the_letter() {
    let drawn = chart(&[&[1, 2], &[0, 2]]).drawn().to_string();
    let expected = concat!(
        r#"<svg class="chart" viewBox="0 0 640 200" role="img" aria-labelledby="c-title c-desc">"#,
        r#"<title id="c-title">Requests a day</title>"#,
        r#"<desc id="c-desc">From 2026-11-01 to 2026-11-02. series 0: 3, series 1: 2.</desc>"#,
        r#"<defs><pattern id="c-1" width="6" height="6" patternUnits="userSpaceOnUse">"#,
        r#"<rect class="s1" width="6" height="6"/></pattern>"#,
        r#"<pattern id="c-2" width="6" height="6" patternUnits="userSpaceOnUse">"#,
        r#"<rect class="s2" width="6" height="6"/>"#,
        r#"<path class="mark" d="M-1 1 1-1M0 6 6 0M5 7 7 5"/></pattern></defs>"#,
        r#"<line class="grid" x1="64" x2="632" y1="170" y2="170"/>"#,
        r#"<text x="56" y="174" text-anchor="end">0</text>"#,
        r#"<line class="grid" x1="64" x2="632" y1="131.5" y2="131.5"/>"#,
        r#"<text x="56" y="135.5" text-anchor="end">1</text>"#,
        r#"<line class="grid" x1="64" x2="632" y1="93" y2="93"/>"#,
        r#"<text x="56" y="97" text-anchor="end">2</text>"#,
        r#"<line class="grid" x1="64" x2="632" y1="54.5" y2="54.5"/>"#,
        r#"<text x="56" y="58.5" text-anchor="end">3</text>"#,
        r#"<line class="grid" x1="64" x2="632" y1="16" y2="16"/>"#,
        r#"<text x="56" y="20" text-anchor="end">4</text>"#,
        r#"<rect x="182" y="131.5" width="48" height="38.5" fill="url(#c-1)"/>"#,
        r#"<rect x="466" y="93" width="48" height="77" fill="url(#c-1)"/>"#,
        r#"<rect x="466" y="16" width="48" height="77" fill="url(#c-2)"/>"#,
        r#"<text x="206" y="192" text-anchor="middle">1 Nov</text>"#,
        r#"<text x="490" y="192" text-anchor="middle">2 Nov</text></svg>"#,
    );
    assert_eq!(drawn, expected);
}

#[test]
fn a_small_line_is_drawn_to_the_letter() {
    let expected = r#"<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true"><polyline points="1,19 50,10 99,1" fill="none" vector-effect="non-scaling-stroke"/></svg>"#;
    assert_eq!(sparkline(&[0, 5, 10]).to_string(), expected);
    assert!(sparkline(&[]).to_string().contains(r#"points="""#));
    assert!(sparkline(&[0]).to_string().contains(r#"points="1,19""#));
}

#[test]
fn the_table_and_the_legend_say_the_same() {
    let mut chart = chart(&[&[1_000, 2], &[5, u64::MAX]]);
    chart.series[1].name = "<img src=x>".to_owned();
    let rows = chart.rows();
    assert_eq!(
        rows[0],
        (
            "2026-11-01".to_owned(),
            vec!["1,000".to_owned(), "5".to_owned()],
            "1,005".to_owned()
        )
    );
    assert_eq!(rows[1].2, "18,446,744,073,709,551,615");
    let legend = chart.legend().to_string();
    assert!(legend.contains("&lt;img src=x&gt;") && legend.contains("url(#c-2)"));
    assert!(!chart.drawn().to_string().contains("<img"));
}

#[test]
fn nothing_to_show_is_a_chart_too() {
    for values in [&[][..], &[&[][..]], &[&[0, 0][..]]] {
        let chart = chart(values);
        assert!(chart.is_empty());
        assert!(is_well_drawn(&chart.drawn().to_string()));
    }
    assert!(
        chart(&[&[]])
            .drawn()
            .to_string()
            .contains("Nothing to show.")
    );
}

#[test]
fn a_year_has_eight_labels_at_most_and_the_last_day_is_one() {
    for count in [1, 7, 8, 9, 30, 31, 90, 365, 366] {
        let values: Vec<u64> = (0..count).collect();
        let drawn = chart(&[&values]).drawn().to_string();
        let labels = drawn.matches(r#"text-anchor="middle""#).count();
        assert!((1..=MOST_LABELS).contains(&labels), "{count}: {labels}");
        assert!(drawn.contains(&format!(">{count} Nov</text>")), "{count}");
        assert!(is_well_drawn(&drawn), "{count}");
    }
}

#[test]
fn a_scale_has_a_few_round_steps() {
    for (highest, step, steps) in [
        (0, 1, 1),
        (1, 1, 1),
        (5, 1, 5),
        (6, 2, 3),
        (9_000, 2_000, 5),
        (48_210, 10_000, 5),
        (1_000_001, 500_000, 3),
    ] {
        let scale = Scale::of(highest);
        assert_eq!((scale.step, scale.steps), (step, steps), "{highest}");
    }
}

/// Every place is a number within the picture, and what is opened is closed.
fn is_well_drawn(svg: &str) -> bool {
    let names = ["x", "y", "width", "height", "x1", "x2", "y1", "y2"];
    let numbers = svg.split(' ').filter_map(|part| {
        let (name, rest) = part.split_once("=\"")?;
        let number = rest.split('"').next()?;
        names.contains(&name).then(|| number.parse::<f64>())
    });
    let within = |number: Result<f64, _>| {
        number.is_ok_and(|number| number.is_finite() && (0.0..=640.0).contains(&number))
    };
    let opened = |name: &str| {
        svg.matches(&format!("<{name} ")).count() == svg.matches(&format!("</{name}>")).count()
    };
    numbers.into_iter().all(within)
        && ["svg", "text", "pattern", "title", "desc"]
            .into_iter()
            .all(opened)
        && !svg.contains("style=")
        && !svg.contains('-'.to_string().repeat(2).as_str())
}

proptest! {
    #[test]
    fn any_numbers_can_be_drawn(
        days in 0_usize..367,
        series in 0_usize..9,
        seed in any::<u64>(),
        large in any::<bool>(),
    ) {
        let value = |number: usize, day: usize| {
            let place = u64::try_from(number * 7 + day).unwrap();
            let mixed = (seed ^ place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if large { mixed } else { mixed % 5 }
        };
        let values: Vec<Vec<u64>> = (0..series)
            .map(|number| (0..days).map(|day| value(number, day)).collect())
            .collect();
        let values: Vec<&[u64]> = values.iter().map(Vec::as_slice).collect();
        let chart = chart(&values);
        let drawn = chart.drawn().to_string();
        prop_assert!(is_well_drawn(&drawn));
        for rect in drawn.split("<rect ").skip(1).filter(|rect| rect.contains("fill=")) {
            let number = |name: &str| -> f64 {
                let (_, rest) = rect.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse().unwrap()
            };
            prop_assert!(number("height") >= 0.1 && number("width") >= 0.1);
            prop_assert!(number("y") + number("height") <= 170.01);
        }
        prop_assert_eq!(chart.rows().len(), chart.labels.len());
        if let Some(first) = values.first() {
            let line = sparkline(first).to_string();
            prop_assert!(!line.contains("NaN") && !line.contains('-'.to_string().repeat(2).as_str()));
        }
    }
}
