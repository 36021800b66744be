//! The usage readers, and with them the scanner and the splitter of events.

use keystead_providers::{Facts, Operation, Provider, Unit, Usage, by_name};

/// Reads `data` as an answer of `provider`, whole and in pieces: both must report the same, and
/// nothing beyond what any call can use. Its first two bytes choose the operation and the pieces.
pub fn same_in_pieces(provider: &str, data: &[u8]) {
    let [which, size, answer @ ..] = data else {
        return;
    };
    let provider = by_name(provider).expect("a provider of ALL");
    let metered = metered(provider);
    let operation = metered[usize::from(*which) % metered.len()];
    let whole = read(provider, operation, answer, answer.len().max(1));
    let pieces = read(provider, operation, answer, usize::from(*size).max(1));
    assert_eq!(whole, pieces, "{}", operation.name);
    for unit in Unit::ALL {
        let value = whole.unwrap_or_default().get(unit).unwrap_or(0);
        assert!(value <= 3_000_000_000_000, "{unit:?} {value}");
    }
}

/// Recorded answers, each for every operation that has a meter.
pub fn seeds(provider: &str) -> Vec<Vec<u8>> {
    let answers: &[&[u8]] = match provider {
        "openai" => &[
            include_bytes!("../../crates/providers/src/openai/fixtures/chat.completions.json"),
            include_bytes!("../../crates/providers/src/openai/fixtures/chat.completions.sse"),
            include_bytes!("../../crates/providers/src/openai/fixtures/responses.sse"),
            include_bytes!("../../crates/providers/src/openai/fixtures/images.generations.json"),
            include_bytes!("../../crates/providers/src/openai/fixtures/audio.transcriptions.sse"),
        ],
        "azure-openai" => &[
            include_bytes!("../../crates/providers/src/azure_openai/fixtures/chat.completions.sse"),
            include_bytes!(
                "../../crates/providers/src/azure_openai/fixtures/chat.completions.json"
            ),
        ],
        "azure-vision" => &[
            include_bytes!("../../crates/providers/src/azure_vision/fixtures/v3.read.json"),
            include_bytes!("../../crates/providers/src/azure_vision/fixtures/analyze.json"),
        ],
        "deepl" => &[
            include_bytes!("../../crates/providers/src/deepl/fixtures/translate.json"),
            include_bytes!("../../crates/providers/src/deepl/fixtures/documents.done.json"),
        ],
        "stability" => &[
            include_bytes!("../../crates/providers/src/stability/fixtures/image.json"),
            include_bytes!("../../crates/providers/src/stability/fixtures/image.png"),
        ],
        "anthropic" => &[
            include_bytes!("../../crates/providers/src/anthropic/fixtures/messages.json"),
            include_bytes!("../../crates/providers/src/anthropic/fixtures/messages.sse"),
        ],
        other => panic!("no answers of {other}"),
    };
    let provider = by_name(provider).expect("a provider of ALL");
    let operations = 0..u8::try_from(metered(provider).len()).expect("few operations");
    let seed = |which: u8, answer: &&[u8]| [&[which, 1 + 7 * which][..], answer].concat();
    operations
        .flat_map(|which| answers.iter().map(move |answer| seed(which, answer)))
        .collect()
}

fn metered(provider: &'static dyn Provider) -> Vec<&'static Operation> {
    let operations = provider.about().operations.iter();
    operations
        .filter(|operation| !operation.meter.is_empty())
        .collect()
}

fn read(
    provider: &'static dyn Provider,
    operation: &'static Operation,
    answer: &[u8],
    size: usize,
) -> Option<Usage> {
    let mut reader = provider.usage_reader(operation, &Facts::default(), "application/json");
    for chunk in answer.chunks(size) {
        reader.chunk(chunk);
    }
    reader.finish()
}
