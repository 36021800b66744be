//! DeepL, as far as the demo asks it: what was used, and translations. It knows the sentences of the
//! sample page by heart.

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

/// The sample page's sentence, and what it is in other languages.
const KNOWN: &str = "Your letter leaves our workshop tomorrow morning.";
const TRANSLATIONS: [(&str, &str); 8] = [
    ("DE", "Ihr Brief verlässt morgen früh unsere Werkstatt."),
    ("FR", "Votre lettre quittera notre atelier demain matin."),
    (
        "ES",
        "Su carta saldrá de nuestro taller mañana por la mañana.",
    ),
    (
        "IT",
        "La Sua lettera lascerà il nostro laboratorio domattina.",
    ),
    ("NL", "Uw brief verlaat morgenochtend onze werkplaats."),
    ("PL", "Państwa list opuści nasz warsztat jutro rano."),
    ("PT", "A sua carta sai da nossa oficina amanhã de manhã."),
    ("AR", "ستغادر رسالتك ورشتنا صباح الغد."),
];

/// What the stand-in answers.
pub(super) fn router(key: &str) -> Router {
    let expected = format!("DeepL-Auth-Key {key}");
    Router::new()
        .route("/v2/usage", get(async || Json(usage())))
        .route("/v2/translate", post(translate))
        .layer(middleware::from_fn_with_state(expected, with_key))
}

async fn with_key(State(expected): State<String>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    match shown.is_some_and(|shown| shown.as_bytes() == expected.as_bytes()) {
        true => next.run(request).await,
        false => StatusCode::FORBIDDEN.into_response(),
    }
}

fn usage() -> Value {
    json!({"character_count": 0, "character_limit": 500_000})
}

async fn translate(Json(asked): Json<Value>) -> Json<Value> {
    let target = asked["target_lang"].as_str().unwrap_or_default();
    let texts = asked["text"].as_array().map_or(&[][..], Vec::as_slice);
    let translated = |text: &Value| {
        let text = text.as_str().unwrap_or_default();
        json!({
            "detected_source_language": "EN",
            "text": in_language(text, target),
            "billed_characters": text.chars().count(),
        })
    };
    let all: Vec<_> = texts.iter().map(translated).collect();
    Json(json!({ "translations": all }))
}

fn in_language(text: &str, target: &str) -> String {
    let language = target.split('-').next().unwrap_or_default();
    let known = TRANSLATIONS.iter().find(|(tag, _)| *tag == language);
    match known {
        Some((_, translation)) if text.trim() == KNOWN => (*translation).to_owned(),
        _ => format!(
            "[{target}] {text} (The stand-in knows one sentence by heart; DeepL knows the rest.)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_pages_sentence_is_known() {
        assert!(include_str!("../host/page.js").contains(KNOWN));
        assert!(in_language(KNOWN, "DE").starts_with("Ihr Brief"));
        assert!(in_language(KNOWN, "PT-BR").starts_with("A sua carta"));
        assert!(in_language("Hello", "DE").starts_with("[DE] Hello"));
    }
}
