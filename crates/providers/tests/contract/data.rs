//! Data files: that they load, and that what they say holds together.

use std::collections::BTreeSet;

use http::{HeaderName, Method};
use keystead_providers::{
    ALL, Access, AddOnType, CredentialForm, Day, FEATURES, KeyShape, Operation, Sends, Shows,
    by_name,
};

#[test]
fn the_six_are_there_in_order() {
    let names: Vec<_> = ALL.iter().map(|provider| provider.about().name).collect();
    assert_eq!(
        names,
        [
            "openai",
            "azure-openai",
            "azure-vision",
            "deepl",
            "stability",
            "anthropic"
        ]
    );
    for name in names {
        assert_eq!(by_name(name).unwrap().about().name, name);
    }
    assert!(by_name("nobody").is_none());
}

#[test]
fn base_paths_are_what_each_sdk_wants() {
    let paths: Vec<_> = ALL
        .iter()
        .map(|provider| provider.about().sdk_base_path)
        .collect();
    assert_eq!(paths, ["/v1", "", "", "/", "", ""]);
}

#[test]
fn credentials_cookies_and_hosts_are_on_no_header_list() {
    let never = [
        "cookie",
        "set-cookie",
        "host",
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "location",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let never = never.into_iter().map(HeaderName::from_static);
    let never: Vec<_> = never
        .chain(CredentialForm::ALL.map(CredentialForm::header))
        .collect();
    for provider in ALL {
        let about = provider.about();
        for name in &never {
            assert!(
                !about.request_headers.contains(name),
                "{}: {name}",
                about.name
            );
            assert!(
                !about.response_headers.contains(name),
                "{}: {name}",
                about.name
            );
        }
        let content_type = HeaderName::from_static("content-type");
        assert!(
            about.request_headers.contains(&content_type),
            "{}",
            about.name
        );
        assert!(
            about.response_headers.contains(&content_type),
            "{}",
            about.name
        );
    }
}

#[test]
fn what_tells_the_keys_owner_is_on_no_list() {
    let owners = [
        ("openai", "openai-organization"),
        ("openai", "openai-project"),
        ("anthropic", "anthropic-organization-id"),
        ("anthropic", "anthropic-workspace-id"),
    ];
    for (provider, header) in owners {
        let about = by_name(provider).unwrap().about();
        let header = HeaderName::from_static(header);
        assert!(about.dropped_headers.contains(&header), "{header}");
        assert!(!about.request_headers.contains(&header), "{header}");
    }
    for provider in ALL {
        let about = provider.about();
        for pattern in about.dropped_headers.patterns() {
            let name = HeaderName::from_bytes(pattern.as_bytes()).unwrap();
            assert!(
                !about.response_headers.contains(&name),
                "{}: {name}",
                about.name
            );
        }
    }
}

#[test]
fn operations_are_whole() {
    for provider in ALL {
        let about = provider.about();
        assert!(!about.title.is_empty(), "{}", about.name);
        for operation in &about.operations {
            let name = operation.name;
            assert!(!operation.purpose.is_empty(), "{name}");
            assert!(!operation.routes.is_empty(), "{name}");
            assert!(operation.max_body <= 512 * 1024 * 1024, "{name}");
            let lists = operation.gate == Some("listing");
            assert!(!lists || operation.access == Access::OptIn, "{name}");
        }
    }
}

#[test]
fn guidance_is_dated_sourced_and_words_the_choice_of_an_address() {
    for provider in ALL {
        let about = provider.about();
        let (name, guidance) = (about.name, &about.guidance);
        assert!(Some(guidance.verified) >= Day::new(2026, 11, 1), "{name}");
        assert!(guidance.keys_page.starts_with("https://"), "{name}");
        assert!(guidance.steps.len() >= 3, "{name}");
        let beside = [&guidance.budget, &guidance.revoke];
        let all = guidance.steps.iter().chain(beside).chain(&guidance.caution);
        for step in all {
            assert!(step.text.ends_with('.'), "{name}: {}", step.text);
            let https = |source: &str| source.starts_with("https://");
            assert!(step.source.is_none_or(https), "{name}: {:?}", step.source);
        }
        let chosen = about.destinations.needs_endpoint() || about.destinations.hosts().len() > 1;
        assert_eq!(guidance.endpoint.is_some(), chosen, "{name}");
    }
}

#[test]
fn every_type_of_addon_can_be_tried_with_what_is_open_by_default() {
    for provider in ALL {
        let about = provider.about();
        let open = || {
            let operations = about.operations.iter();
            operations.filter(|one| one.access == Access::Default)
        };
        for kind in AddOnType::ALL {
            let name = format!("{}, {}", about.name, kind.as_str());
            let metered = |one: &&Operation| one.unmetered.is_empty();
            let does = open().filter(metered).any(|one| one.types.contains(&kind));
            let Some(trial) = about.trial(kind) else {
                assert!(!does && kind != AddOnType::Any, "{name}");
                continue;
            };
            let path = trial.path.split('?').next().unwrap();
            let found = about.classify(&Method::POST, path).expect(trial.path);
            assert_eq!(found.operation.access, Access::Default, "{name}");
            let fits = kind == AddOnType::Any || found.operation.types.contains(&kind);
            assert!(fits, "{name}: {}", found.operation.name);

            let body = trial.body;
            if trial.sends != Sends::Picture {
                serde_json::from_str::<serde_json::Value>(body).expect(body);
            }
            for (wanted, word) in [
                (trial.model.is_some(), "{model}"),
                (trial.prompt.is_some(), "{prompt}"),
                (trial.language.is_some(), "{language}"),
            ] {
                assert_eq!(wanted, body.contains(word), "{name}: {word}");
            }
            let carries = body.contains("{picture") || trial.sends == Sends::Picture;
            assert_eq!(trial.picture, carries, "{name}");
            let seen = !trial.text.is_empty() || !trial.pictures.is_empty();
            assert!(seen || trial.shows == Shows::Picture, "{name}");
        }
    }
}

#[test]
fn features_are_those_of_the_documentation() {
    let documented = include_str!("../../src/lib.rs");
    let used: BTreeSet<_> = ALL
        .iter()
        .flat_map(|provider| provider.about().features())
        .collect();
    for feature in &used {
        assert!(
            FEATURES.iter().any(|(known, _)| known == feature),
            "nobody says what {feature} opens"
        );
    }
    for (feature, opens) in FEATURES {
        let row = format!("//! | `{feature}` | {opens} |");
        assert!(documented.contains(&row), "{row}");
    }
    for feature in [
        "background",
        "store",
        "hosted-tools",
        "remote-mcp",
        "data-sources",
        "priority",
    ] {
        assert!(used.contains(feature), "{feature}");
    }
}

#[test]
fn prices_have_a_source_and_a_day() {
    for provider in ALL {
        let about = provider.about();
        assert!(!about.prices.note.is_empty(), "{}", about.name);
        for row in about.prices.rows() {
            assert!(!row.source.is_empty(), "{}: {}", about.name, row.model);
            assert!(
                Some(row.since) >= Day::new(2025, 1, 1),
                "{}: {}",
                about.name,
                row.model
            );
            assert!(
                row.units().next().is_some(),
                "{}: {}",
                about.name,
                row.model
            );
        }
    }
}

#[test]
fn no_refusal_repeats_a_key() {
    for provider in ALL {
        let pasted = "sk-admin-canary-7d1f0b-canary";
        match provider.about().key_shape(pasted) {
            KeyShape::Fits => {}
            KeyShape::Unusual(text) | KeyShape::Refused(text) => assert!(!text.contains("canary")),
        }
    }
}
