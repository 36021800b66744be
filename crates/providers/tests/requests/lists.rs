//! Header lists.

use http::HeaderName;
use keystead_providers::ALL;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_header_passes_exactly_when_a_pattern_says_so(tail in "[a-z-]{0,8}", pick in any::<prop::sample::Index>()) {
        for provider in ALL {
            let about = provider.about();
            for list in [&about.request_headers, &about.response_headers] {
                let patterns: Vec<_> = list.patterns().collect();
                let stem = pick.get(&patterns).trim_end_matches('*');
                for name in [format!("{stem}{tail}"), format!("x{tail}{stem}"), format!("{tail}x")] {
                    let Ok(name) = name.parse::<HeaderName>() else { continue };
                    let text = name.as_str();
                    let expected = patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                        Some(prefix) => text.starts_with(prefix),
                        None => text == pattern,
                    });
                    prop_assert_eq!(list.contains(&name), expected, "{} {}", about.name, name);
                }
            }
        }
    }
}
