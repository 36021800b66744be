//! Neutral tasks: what a stranger asks for, and what becomes of a provider's answer.

use keystead_providers::{
    ALL, About, Asked, BodyFormat, BodyPolicy, Facts, Progress, Recipe, TaskEvent, Written,
};

/// Reads `data` as a request for a task. Whatever is taken becomes, with every provider that does
/// such tasks, a request that the proxy reads as it is meant: it gates nothing, names no tool, fetches
/// nothing, and is for the model that was chosen.
pub fn becomes_what_it_means(data: &[u8]) {
    let Ok(asked) = Asked::read(data) else { return };
    for provider in ALL {
        let about = provider.about();
        let models = ["some-model".to_owned()];
        let Ok(choice) = about.choose(&asked, &models, |_| true) else {
            continue;
        };
        let Ok(written) = choice.write(&asked) else {
            continue;
        };
        let facts = facts(about, choice.recipe, &written);
        let name = about.name;
        assert!(facts.gated.is_empty(), "{name}: {:?}", facts.gated);
        assert!(facts.unknown_tools.is_empty(), "{name}");
        assert!(facts.unknown_fields.is_empty(), "{name}");
        assert!(facts.fetches.is_empty(), "{name}");
        assert_eq!(facts.model.as_deref(), choice.model.as_deref(), "{name}");
    }
}

fn facts(about: &'static About, recipe: &'static Recipe, written: &Written) -> Facts {
    let operation = recipe.operation(about).expect("every recipe has one");
    let length = Some(written.body.len() as u64);
    let format = operation.body.format(Some(&written.content_type), length);
    let mut facts = match format.expect("a body that the operation takes") {
        BodyFormat::Json => operation
            .inspect_json(&written.body, &BodyPolicy::default())
            .expect("a body that is read in one way only"),
        BodyFormat::Multipart { boundary } => {
            let mut inspector = operation.multipart(boundary);
            match inspector.push(&written.body).expect("a form") {
                Progress::Decided(facts) => *facts,
                _ => inspector.finish().expect("a whole form"),
            }
        }
        _ => Facts::default(),
    };
    operation
        .inspect_query(written.query.as_deref(), &mut facts)
        .expect("a query that is read in one way only");
    facts
}

/// Requests to begin with.
pub fn requests() -> Vec<Vec<u8>> {
    let requests: [&[u8]; 5] = [
        br#"{"task":"text","input":"a \"b\" {model}\n","instructions":"c","model":"m","max_output_tokens":5}"#,
        br#"{"task":"text","input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"\u202ec"}]}"#,
        br#"{"task":"translate","input":"{...messages}","target":"en-GB","source":"de"}"#,
        br#"{"task":"image","input":"--keystead-field-0-end\r\n","shape":"landscape"}"#,
        br#"{"task":"alt-text","image":{"type":"image/gif","data":"R0lGODlhAQABAAAAACw="},"language":"ar"}"#,
    ];
    requests.map(<[u8]>::to_vec).to_vec()
}

/// Reads `data` as an answer, whole and in pieces: both must give the same, and an image must be
/// Base64 alone. Its first three bytes choose the provider's recipe, the pieces, and whether it is an
/// event stream.
pub fn same_in_pieces(data: &[u8]) {
    let [which, size, kind, answer @ ..] = data else {
        return;
    };
    let recipes: Vec<_> = ALL
        .iter()
        .flat_map(|provider| provider.about().tasks.recipes())
        .collect();
    let recipe = recipes[usize::from(*which) % recipes.len()];
    let kind = ["text/event-stream", "application/json"][usize::from(*kind % 2)];
    let whole = read(recipe, kind, answer, answer.len().max(1));
    let pieces = read(recipe, kind, answer, usize::from(*size).max(1));
    assert_eq!(whole, pieces, "{}", recipe.path());
    for event in whole {
        if let TaskEvent::Image { data, .. } = event {
            let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
            assert!(data.bytes().all(is_base64));
        }
    }
}

fn read(recipe: &'static Recipe, kind: &str, answer: &[u8], size: usize) -> Vec<TaskEvent> {
    let mut reader = recipe.reader(kind);
    let mut events = Vec::new();
    for piece in answer.chunks(size) {
        events.extend(reader.push(piece).unwrap_or_default());
    }
    events.extend(reader.end().unwrap_or_default());
    events
}

/// Recorded answers, each for every recipe.
pub fn answers() -> Vec<Vec<u8>> {
    let answers: [(u8, &[u8]); 6] = [
        (
            0,
            include_bytes!("../../crates/providers/src/openai/fixtures/chat.completions.sse"),
        ),
        (
            0,
            include_bytes!("../../crates/providers/src/anthropic/fixtures/messages.failed.sse"),
        ),
        (
            1,
            include_bytes!("../../crates/providers/src/openai/fixtures/images.generations.json"),
        ),
        (
            1,
            include_bytes!("../../crates/providers/src/stability/fixtures/image.json"),
        ),
        (
            1,
            include_bytes!("../../crates/providers/src/deepl/fixtures/translate.json"),
        ),
        (
            1,
            include_bytes!("../../crates/providers/src/azure_vision/fixtures/analyze.json"),
        ),
    ];
    (0..12)
        .flat_map(|which| {
            answers.map(|(kind, answer)| [&[which, 1 + 7 * which, kind][..], answer].concat())
        })
        .collect()
}
