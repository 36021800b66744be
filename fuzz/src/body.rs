//! The readers of request bodies: JSON, against `serde_json`'s model, and multipart, in pieces.

use keystead_providers::{BodyError, BodyPolicy, Facts, by_name};
use serde_json::Value;

/// Reads `data` as a chat and as a response: what is no JSON object is refused, an edited body is
/// JSON again, and the model is the document's.
pub fn agrees_with_the_model(data: &[u8]) {
    let about = by_name("openai").expect("a provider of ALL").about();
    let model = serde_json::from_slice::<Value>(data).ok();
    for name in ["chat.completions", "responses"] {
        let operation = about.operation(name).expect(name);
        let Ok(facts) = operation.inspect_json(data, &BodyPolicy::default()) else {
            continue;
        };
        if data.is_empty() {
            continue;
        }
        let model = model.as_ref().expect("only JSON is read");
        assert_eq!(facts.model.as_deref(), model["model"].as_str());
        assert_eq!(facts.stream, model["stream"] == true);
        let edited = facts.edits.apply(data.to_vec().into());
        let edited: Value = serde_json::from_slice(&edited).expect("an edited body is JSON");
        assert!(edited.is_object());
    }
}

/// Reads `data` as a multipart body, whole and in pieces: both must come to the same. Its first
/// byte chooses the pieces.
pub fn same_parts_in_pieces(data: &[u8]) {
    let [size, body @ ..] = data else { return };
    let whole = parts(body, body.len().max(1));
    let pieces = parts(body, usize::from(*size).max(1));
    assert_eq!(whole.is_ok(), pieces.is_ok());
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
}

/// Bodies that are read, to begin with.
pub fn json_seeds() -> Vec<Vec<u8>> {
    [
        r#"{"model":"gpt-6-luna","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"model":"a","input":[{"type":"item_reference","id":"msg_1"}],"tools":[{"type":"mcp"}],"store":null}"#,
        r#"{"stream":true,"stream_options":{"include_usage":false},"a":[1.5,-2,{"file_id":"\u0066"}]}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// As [`json_seeds`].
pub fn multipart_seeds() -> Vec<Vec<u8>> {
    let model = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n";
    let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\
                Content-Type: audio/mpeg\r\n\r\nID3\r\n--\r\n";
    [[model, file], [file, model]]
        .map(|parts| format!("\u{5}{}--b--\r\n", parts.concat()).into_bytes())
        .to_vec()
}

fn parts(body: &[u8], size: usize) -> Result<Facts, BodyError> {
    let about = by_name("openai").expect("a provider of ALL").about();
    let operation = about.operation("audio.transcriptions").expect("listed");
    let mut inspector = operation.multipart("b");
    for chunk in body.chunks(size) {
        inspector.push(chunk)?;
    }
    inspector.finish()
}
