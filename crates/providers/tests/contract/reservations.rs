//! What is set aside for a call before it is sent.

use keystead_providers::{ALL, Facts, Gated, ObjectRef, Unit, Usage, by_name};

fn reserved(provider: &str, operation: &str, facts: &Facts, model: &str, bytes: u64) -> Usage {
    let about = by_name(provider).expect(provider).about();
    let operation = about.operation(operation).expect(operation);
    operation.reservation(facts, Some(model).filter(|name| !name.is_empty()), bytes)
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..Usage::default()
    }
}

#[test]
fn tokens_are_bound_by_the_body_the_request_and_the_model() {
    let facts = |most, choices| Facts {
        max_output_tokens: most,
        choices,
        ..Facts::default()
    };
    for (facts, model, bytes, expected) in [
        (facts(Some(20), 0), "gpt-4o", 301, tokens(101, 20)),
        (
            facts(Some(20), 4),
            "gpt-4o-2024-08-06",
            300,
            tokens(100, 80),
        ),
        (facts(None, 0), "gpt-4o", 300, tokens(100, 16_384)),
        (facts(None, 3), "gpt-4o", 300, tokens(100, 3 * 16_384)),
        // More than the model has is not given.
        (
            facts(Some(90_000), 2),
            "gpt-4o",
            900_000,
            tokens(128_000, 2 * 16_384),
        ),
        // A model that nobody knows has the highest ceilings, and may have higher ones.
        (
            facts(None, 0),
            "gpt-99",
            6_000_000,
            tokens(1_050_000, 128_000),
        ),
        (facts(Some(500_000), 0), "gpt-99", 3, tokens(1, 500_000)),
        (facts(None, 0), "", 0, tokens(1, 128_000)),
    ] {
        let found = reserved("openai", "chat.completions", &facts, model, bytes);
        assert_eq!(found, expected, "{model}, {bytes} bytes, {facts:?}");
    }
    let facts = facts(Some(u64::MAX), u64::MAX);
    let huge = reserved("openai", "chat.completions", &facts, "gpt-99", u64::MAX);
    assert!(huge.output_tokens > Some(500_000), "{huge:?}");
}

#[test]
fn what_a_request_only_points_at_may_fill_the_context() {
    let fetches = vec![ObjectRef {
        kind: "response",
        id: "resp_1".to_owned(),
    }];
    let searches = vec![Gated {
        feature: "hosted-tools",
        field: "tools[]".to_owned(),
    }];
    for facts in [
        Facts {
            fetches,
            ..Facts::default()
        },
        Facts {
            gated: searches,
            ..Facts::default()
        },
    ] {
        let found = reserved("openai", "responses", &facts, "gpt-4.1", 90);
        assert_eq!(found, tokens(1_047_576, 32_768), "{facts:?}");
    }
}

#[test]
fn an_image_is_not_counted_by_its_bytes_and_a_document_by_nothing_less_than_the_context() {
    let shows = |images_shown, image_bytes, documents| Facts {
        images_shown,
        image_bytes,
        documents,
        ..Facts::default()
    };
    for (provider, operation, model, facts, expected) in [
        (
            "openai",
            "chat.completions",
            "gpt-4o",
            shows(1, 900_000, 0),
            1_500 + 100,
        ),
        (
            "openai",
            "chat.completions",
            "gpt-4o",
            shows(2, 600_000, 0),
            3_000 + 100_100,
        ),
        (
            "openai",
            "chat.completions",
            "gpt-4o-mini",
            shows(1, 900_000, 0),
            48_200 + 100,
        ),
        (
            "openai",
            "chat.completions",
            "gpt-99",
            shows(1, 900_000, 0),
            48_200 + 100,
        ),
        (
            "azure-openai",
            "chat.completions",
            "gpt-4o",
            shows(1, 900_000, 0),
            48_200 + 100,
        ),
        (
            "anthropic",
            "messages",
            "claude-opus-5-5",
            shows(3, 900_000, 0),
            15_000 + 100,
        ),
        (
            "anthropic",
            "messages",
            "claude-opus-5-5",
            shows(0, 0, 1),
            1_000_000,
        ),
        // Where nobody knows what an image is, its bytes tell.
        (
            "openai",
            "chat.completions",
            "gpt-3.5-turbo",
            shows(1, 900_000, 0),
            16_385,
        ),
        // More than the body has can't be taken off it.
        (
            "openai",
            "chat.completions",
            "gpt-4o",
            shows(0, u64::MAX, 0),
            1,
        ),
        (
            "openai",
            "chat.completions",
            "gpt-4o",
            shows(u64::MAX, 0, 0),
            128_000,
        ),
    ] {
        let found = reserved(provider, operation, &facts, model, 900_300).input_tokens;
        assert_eq!(found, Some(expected), "{model} {facts:?}");
    }
}

#[test]
fn a_deployments_name_tells_no_model() {
    let facts = Facts::default();
    for (operation, expected) in [
        ("chat.completions", tokens(100, 128_000)),
        ("messages", tokens(100, 128_000)),
    ] {
        let found = reserved("azure-openai", operation, &facts, "gpt-3.5-turbo", 300);
        assert_eq!(found, expected, "{operation}");
    }
}

#[test]
fn each_measure_has_a_bound() {
    let facts = Facts {
        input_characters: 40,
        images: 2,
        transactions: 3,
        ..Facts::default()
    };
    let plain = Facts::default();
    let streamed = Facts {
        stream: true,
        input_characters: 40,
        ..Facts::default()
    };
    let usage = |unit, value| {
        let mut usage = Usage::default();
        match unit {
            Unit::Characters => usage.characters = Some(value),
            Unit::Images => usage.images = Some(value),
            Unit::Seconds => usage.seconds = Some(value),
            _ => usage.transactions = Some(value),
        }
        usage
    };
    let image = |credits| Usage {
        images: Some(2),
        credits_milli: Some(credits),
        ..Usage::default()
    };
    let drawn = Usage {
        images: Some(2),
        ..tokens(100, 2 * 6_800)
    };
    for (provider, operation, facts, model, bytes, expected) in [
        (
            "openai",
            "embeddings",
            &facts,
            "",
            300,
            Usage {
                input_tokens: Some(100),
                ..Usage::default()
            },
        ),
        (
            "openai",
            "images.generations",
            &facts,
            "gpt-image-1",
            300,
            drawn,
        ),
        (
            "openai",
            "images.generations",
            &facts,
            "dall-e-3",
            300,
            usage(Unit::Images, 2),
        ),
        (
            "openai",
            "images.variations",
            &facts,
            "",
            300,
            usage(Unit::Images, 2),
        ),
        (
            "openai",
            "audio.speech",
            &facts,
            "gpt-4o-mini-tts",
            300,
            usage(Unit::Characters, 40),
        ),
        (
            "openai",
            "audio.transcriptions",
            &facts,
            "whisper-1",
            75_001,
            usage(Unit::Seconds, 101),
        ),
        (
            "openai",
            "audio.transcriptions",
            &facts,
            "whisper-1",
            0,
            usage(Unit::Seconds, 36_351),
        ),
        (
            "openai",
            "audio.transcriptions",
            &plain,
            "gpt-4o-transcribe",
            750_000,
            tokens(16_000, 2_000),
        ),
        ("openai", "threads", &facts, "gpt-4o", 300, Usage::default()),
        (
            "openai",
            "threads",
            &streamed,
            "gpt-4o",
            300,
            tokens(100, 16_384),
        ),
        (
            "openai",
            "responses.stored",
            &facts,
            "",
            300,
            Usage::default(),
        ),
        ("openai", "models", &facts, "", 0, Usage::default()),
        (
            "deepl",
            "translate",
            &facts,
            "",
            300,
            usage(Unit::Characters, 40),
        ),
        (
            "deepl",
            "write",
            &facts,
            "",
            300,
            usage(Unit::Characters, 40),
        ),
        (
            "deepl",
            "documents.status",
            &facts,
            "",
            300,
            Usage::default(),
        ),
        ("stability", "generate.ultra", &facts, "", 300, image(8_000)),
        (
            "stability",
            "generate.sd3",
            &facts,
            "sd3.5-medium",
            300,
            image(3_500),
        ),
        ("stability", "generate.sd3", &facts, "", 300, image(6_500)),
        (
            "azure-vision",
            "analyze",
            &facts,
            "",
            300,
            usage(Unit::Transactions, 3),
        ),
        ("azure-vision", "v3.read", &facts, "", 300, Usage::default()),
    ] {
        let found = reserved(provider, operation, facts, model, bytes);
        assert_eq!(found, expected, "{provider} {operation} {model}");
    }
    let spoken = reserved("openai", "audio.speech", &streamed, "gpt-4o-mini-tts", 300);
    assert_eq!(
        spoken,
        Usage {
            characters: Some(40),
            ..tokens(100, 20_000)
        }
    );
}

/// A file of an office program is billed as 50,000 characters at least, and tells its own later.
#[test]
fn a_document_is_reserved_by_its_size() {
    let facts = Facts::default();
    for (bytes, characters) in [
        (1, 50_000),
        (70_000, 70_000),
        (9_000_000, 1_000_000),
        (0, 1_000_000),
    ] {
        let found = reserved("deepl", "documents.create", &facts, "", bytes);
        assert_eq!(found.characters, Some(characters), "{bytes}");
    }
    // An address in place of a document says nothing of its length.
    for (bytes, pages) in [
        (90, 2_000),
        (5_000, 2),
        (1_000_000, 500),
        (9_000_000, 2_000),
        (0, 2_000),
    ] {
        let found = reserved("azure-vision", "v3.read.create", &facts, "", bytes);
        assert_eq!(found.transactions, Some(pages), "{bytes}");
    }
}

/// Whoever sets a budget must know what it can't hold for.
#[test]
fn what_costs_and_is_not_counted_says_so() {
    // Counted by the call that began it, or by the one that tells how it went.
    let elsewhere = [
        "batches",
        "batches.results",
        "documents.create",
        "documents.result",
        "results",
        "v3.read.create",
        "video.result",
    ];
    for provider in ALL {
        for operation in &provider.about().operations {
            let (name, reason) = (operation.name, operation.unmetered);
            let costs = !reason.is_empty() && !reason.starts_with("costs nothing");
            let expected = costs && !elsewhere.contains(&name);
            assert_eq!(operation.uncounted, expected, "{name}: {reason}");
        }
    }
}

#[test]
fn nothing_that_is_reserved_is_zero_and_parts_are_not_reserved() {
    for provider in ALL {
        for operation in &provider.about().operations {
            for stream in [false, true] {
                let facts = Facts {
                    stream,
                    ..Facts::default()
                };
                let found = operation.reservation(&facts, None, 0);
                let name = operation.name;
                for unit in Unit::ALL {
                    assert_ne!(found.get(unit), Some(0), "{name}: {unit:?}");
                    assert!(
                        !unit.is_part() || found.get(unit).is_none(),
                        "{name}: {unit:?}"
                    );
                }
                let is_later = ["documents.create", "v3.read.create"].contains(&name);
                let is_metered = operation.unmetered.is_empty() || is_later;
                assert!(is_metered || found.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn ceilings_have_a_source_and_some_bound() {
    for provider in ALL {
        let about = provider.about();
        for row in about.ceilings.rows() {
            assert!(!row.models.is_empty(), "{}: {row:?}", about.name);
            assert!(!row.source.is_empty(), "{}: {row:?}", about.name);
            assert!(
                row.input > 0 || !row.reports.is_empty(),
                "{}: {row:?}",
                about.name
            );
        }
    }
}
