//! What each provider answers on a good day, and how each refuses a key (PROVIDERS.md's shapes).

use serde_json::{Value, json};

use super::{Answer, Exchange, Service};

/// The words of every streamed answer.
pub(crate) const WORDS: [&str; 4] = ["Sealed", " keys", " stay", " sealed."];

/// The smallest PNG there is, in Base64.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Installs the good day.
pub(super) fn script(service: &Service) {
    match service.name {
        "openai" => openai(service, "/v1"),
        "azure-openai" => {
            openai(service, "/openai/v1");
            service.on_each("POST /openai/deployments/*", chat);
        }
        "anthropic" => anthropic(service),
        "deepl" => deepl(service),
        "stability" => stability(service),
        "azure-vision" => vision(service),
        _ => {}
    }
}

/// The refusal of a wrong key.
pub(super) fn unauthorized(service: &str) -> Answer {
    match service {
        "openai" => Answer::new(401).and_json(&json!({"error": {
            "message": "Incorrect API key provided: sk-pr***.", "type": "invalid_request_error",
            "param": null, "code": "invalid_api_key"}})),
        "anthropic" => Answer::new(401).and_json(&json!({"type": "error", "error": {
            "type": "authentication_error", "message": "invalid x-api-key"}})),
        "deepl" => Answer::new(403),
        "stability" => Answer::new(401).and_json(&json!({
            "id": "1", "name": "unauthorized", "message": "invalid key"})),
        _ => Answer::new(401).and_json(&json!({"error": {"code": "401",
            "message": "Access denied due to invalid subscription key or wrong API endpoint."}})),
    }
}

pub(super) fn not_found(service: &str) -> Answer {
    Answer::new(404).and_json(&json!({"error": {"message": format!("{service} has no such path")}}))
}

fn openai(service: &Service, base: &str) {
    let models = json!({"object": "list", "data": [
        {"id": "gpt-6-luna", "object": "model", "created": 1, "owned_by": "openai"}]});
    service.on(&format!("GET {base}/models"), Answer::json(&models));
    service.on_each(&format!("POST {base}/chat/completions"), chat);
    service.on_each(&format!("POST {base}/responses"), response);
    let embedding = json!({"object": "embedding", "index": 0, "embedding": [0.5, -0.25]});
    let embeddings = json!({"object": "list", "data": [embedding], "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3}});
    service.on(
        &format!("POST {base}/embeddings"),
        Answer::json(&embeddings),
    );
    let image = json!({"created": 1, "output_format": "png", "data": [{"b64_json": PNG}],
        "usage": {"input_tokens": 12, "output_tokens": 272, "total_tokens": 284}});
    service.on(
        &format!("POST {base}/images/generations"),
        Answer::json(&image),
    );
    let text = json!({"text": "hello", "usage": {"type": "duration", "seconds": 2}});
    service.on(
        &format!("POST {base}/audio/transcriptions"),
        Answer::json(&text),
    );
}

/// Chat completions as asked for: whole or streamed, usage in the stream only on request.
pub(crate) fn chat(exchange: &Exchange) -> Answer {
    let asked = exchange.json();
    if asked["stream"] == true {
        let with_usage = asked["stream_options"]["include_usage"] == true;
        return chat_stream(&WORDS, with_usage.then_some((9, 4)));
    }
    chat_whole(9, 4)
}

pub(crate) fn chat_whole(input: u64, output: u64) -> Answer {
    let message = json!({"role": "assistant", "content": WORDS.concat()});
    Answer::json(&json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-6-luna",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": chat_usage(input, output)}))
}

/// A stream of one event a word; with usage, the extra event that has no choices.
pub(crate) fn chat_stream<T: AsRef<str>>(words: &[T], usage: Option<(u64, u64)>) -> Answer {
    let event = |choices: Value, usage: Value| {
        let event = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
            "model": "gpt-6-luna", "choices": choices, "usage": usage});
        format!("data: {event}\n\n")
    };
    let choice =
        |delta: Value, end: Value| json!([{"index": 0, "delta": delta, "finish_reason": end}]);
    let mut events: Vec<String> = words
        .iter()
        .map(|word| {
            event(
                choice(json!({"content": word.as_ref()}), Value::Null),
                Value::Null,
            )
        })
        .collect();
    events.push(event(choice(json!({}), json!("stop")), Value::Null));
    if let Some((input, output)) = usage {
        events.push(event(json!([]), chat_usage(input, output)));
    }
    events.push("data: [DONE]\n\n".to_owned());
    Answer::events(events)
}

fn chat_usage(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

/// The Responses API, whole or streamed; each answer has an id of its own.
fn response(exchange: &Exchange) -> Answer {
    let id = format!("resp_{}", crate::harness::planted::hex(24));
    let asked = exchange.json();
    let usage = json!({"input_tokens": 7, "output_tokens": 5, "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens_details": {"reasoning_tokens": 1}});
    let text = json!({"type": "output_text", "text": WORDS.concat(), "annotations": []});
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant",
        "status": "completed", "content": [text]});
    let whole = json!({"id": id, "object": "response", "created_at": 1, "status": "completed",
        "model": "gpt-6-luna", "output": [message], "usage": usage, "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": [], "store": asked["store"]});
    if asked["stream"] != true {
        return Answer::json(&whole);
    }
    let mut begun = whole.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut item = message.clone();
    item["status"] = json!("in_progress");
    item["content"] = json!([]);
    let at = |kind: &str| json!({"type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0});
    let with = |mut event: Value, name: &str, value: Value| {
        event[name] = value;
        event
    };
    let empty = json!({"type": "output_text", "text": "", "annotations": []});
    let delta = |word: &&str| {
        let event = with(at("response.output_text.delta"), "delta", json!(word));
        with(event, "logprobs", json!([]))
    };
    let done = with(
        at("response.output_text.done"),
        "text",
        json!(WORDS.concat()),
    );
    let mut events = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
        with(at("response.content_part.added"), "part", empty),
    ];
    events.extend(WORDS.iter().map(delta));
    events.extend([
        with(done, "logprobs", json!([])),
        with(at("response.content_part.done"), "part", text),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
        json!({"type": "response.completed", "response": whole}),
    ]);
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    Answer::events(events.iter().map(named))
}

fn anthropic(service: &Service) {
    let models = json!({"data": [{"id": "claude-haiku-5-5", "type": "model",
        "display_name": "Haiku", "created_at": "2026-10-01T00:00:00Z"}],
        "has_more": false, "first_id": "claude-haiku-5-5", "last_id": "claude-haiku-5-5"});
    service.on("GET /v1/models", Answer::json(&models));
    service.on_each("POST /v1/messages", |exchange| {
        let is_stream = exchange.json()["stream"] == true;
        if is_stream {
            message_stream()
        } else {
            message_whole()
        }
    });
}

fn message_whole() -> Answer {
    Answer::json(
        &json!({"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-haiku-5-5", "content": [{"type": "text", "text": WORDS.concat()}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 11, "output_tokens": 6, "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0}}),
    )
    .header("request-id", "req_stand_in")
}

/// Usage comes in two parts, the second cumulative: it must not be summed.
fn message_stream() -> Answer {
    let start = json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
        "role": "assistant", "model": "claude-haiku-5-5", "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": {"input_tokens": 11, "output_tokens": 1}}});
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": ""}});
    let mut events = vec![start, block, json!({"type": "ping"})];
    events.extend(WORDS.iter().map(|word| {
        json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": word}})
    }));
    events.push(json!({"type": "content_block_stop", "index": 0}));
    events.push(
        json!({"type": "message_delta", "usage": {"output_tokens": 6},
        "delta": {"stop_reason": "end_turn", "stop_sequence": null}}),
    );
    events.push(json!({"type": "message_stop"}));
    Answer::events(events.iter().map(named))
}

/// An event with its name, as Responses and Messages send them.
fn named(event: &Value) -> String {
    format!(
        "event: {}\ndata: {event}\n\n",
        event["type"].as_str().unwrap_or_default()
    )
}

fn deepl(service: &Service) {
    service.on(
        "GET /v2/usage",
        Answer::json(&json!({"character_count": 1, "character_limit": 500_000})),
    );
    service.on_each("POST /v2/translate", translation);
}

/// A translation: how long each text is, between quotation marks.
pub(crate) fn translation(exchange: &Exchange) -> Answer {
    let (texts, billed) = texts(exchange);
    let answer = |text: &String| {
        let mut translated =
            json!({"detected_source_language": "EN", "text": format!("«{}»", text.len())});
        if billed {
            translated["billed_characters"] = json!(text.chars().count());
        }
        translated
    };
    let translations: Vec<Value> = texts.iter().map(answer).collect();
    Answer::json(&json!({ "translations": translations }))
}

/// The texts of a translation, JSON or form, and whether billed characters were asked for.
fn texts(exchange: &Exchange) -> (Vec<String>, bool) {
    if let Value::Object(asked) = exchange.json() {
        let texts = asked["text"].as_array().into_iter().flatten();
        let texts = texts
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect();
        return (
            texts,
            asked.get("show_billed_characters") == Some(&json!(true)),
        );
    }
    let fields: Vec<(String, String)> = form_urlencoded::parse(&exchange.body())
        .into_owned()
        .collect();
    let texts = fields
        .iter()
        .filter(|(name, _)| name == "text")
        .map(|(_, text)| text.clone());
    let billed = |(name, value): &(String, String)| {
        name == "show_billed_characters" && (value == "true" || value == "1")
    };
    (texts.collect(), fields.iter().any(billed))
}

fn stability(service: &Service) {
    service.on(
        "GET /v1/user/balance",
        Answer::json(&json!({"credits": 12.5})),
    );
    service.on_each("POST /v2beta/stable-image/generate/*", |exchange| {
        if exchange.header("accept") == Some("application/json") {
            return Answer::json(&json!({"image": PNG, "finish_reason": "SUCCESS", "seed": 7}));
        }
        Answer::bytes("image/png", &b"\x89PNG\r\n\x1a\nstand-in"[..])
            .header("finish-reason", "SUCCESS")
            .header("seed", "7")
    });
}

fn vision(service: &Service) {
    service.on(
        "GET /vision/v3.2/models",
        Answer::json(&json!({"models": []})),
    );
    let analysis = json!({"modelVersion": "2023-10-01", "metadata": {"width": 4, "height": 4},
        "captionResult": {"text": "a sealed letter", "confidence": 0.9}});
    service.on(
        "POST /computervision/imageanalysis:analyze",
        Answer::json(&analysis),
    );
    let base = service.base_url();
    service.on_each("POST /vision/v3.2/read/analyze", move |_| {
        let id = uuid::Uuid::new_v4();
        let place = format!("{base}/vision/v3.2/read/analyzeResults/{id}");
        Answer::new(202).header("operation-location", place)
    });
    let lines = json!({"status": "succeeded", "analyzeResult": {"readResults": [{"page": 1}]}});
    service.on(
        "GET /vision/v3.2/read/analyzeResults/*",
        Answer::json(&lines),
    );
}
