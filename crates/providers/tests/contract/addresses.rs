//! Addresses of the provider's own: rewritten to ours, or taken out.

use http::{HeaderMap, HeaderValue};
use keystead_providers::{ALL, Destination, by_name};
use serde_json::{Value, json};

const OURS: &str = "https://keys.example/proxy/cl_1/vision";

fn destination(text: &str) -> Destination {
    text.parse().expect(text)
}

#[test]
fn operation_location_leads_back_through_the_proxy() {
    let about = by_name("azure-vision").unwrap().about();
    let own = destination("https://res.cognitiveservices.azure.com");
    for (address, expected) in [
        (
            "https://res.cognitiveservices.azure.com/vision/v3.2/read/analyzeResults/1-a",
            Some("https://keys.example/proxy/cl_1/vision/vision/v3.2/read/analyzeResults/1-a"),
        ),
        (
            "https://other.cognitiveservices.azure.com/vision/v3.2/read/analyzeResults/1-a",
            None,
        ),
        ("https://evil.example/", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("operation-location", HeaderValue::from_static(address));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let refused = about.rewrite_headers(&own, OURS, &mut headers);
        let told = headers
            .get("operation-location")
            .map(|value| value.to_str().unwrap());
        assert_eq!(told, expected, "{address}");
        assert_eq!(refused.len(), usize::from(expected.is_none()), "{address}");
        assert_eq!(headers["content-type"], "application/json");
    }
}

#[test]
fn two_addresses_in_one_header_are_none() {
    for provider in ALL {
        let mut headers = HeaderMap::new();
        let own = destination("https://host.example");
        headers.append(
            "location",
            HeaderValue::from_static("https://host.example/v1/a"),
        );
        headers.append(
            "location",
            HeaderValue::from_static("https://host.example/v1/b"),
        );
        let refused = provider.about().rewrite_headers(&own, OURS, &mut headers);
        assert_eq!(
            (refused.len(), headers.len()),
            (1, 0),
            "{}",
            provider.about().name
        );
    }
}

#[test]
fn addresses_in_bodies_are_rewritten_and_the_rest_stays() {
    let about = by_name("anthropic").unwrap().about();
    let own = destination("https://api.anthropic.com");
    let batches = about.operation("batches").unwrap();
    for (address, expected) in [
        (
            json!("https://api.anthropic.com/v1/messages/batches/b_1/results"),
            json!(format!("{OURS}/v1/messages/batches/b_1/results")),
        ),
        (json!("https://evil.example/results"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let body = json!({"id": "b_1", "results_url": address, "x": {"results_url": "https://a/"}});
        let rewritten = batches
            .rewrite_body(&own, OURS, body.to_string().as_bytes())
            .unwrap();
        let rewritten: Value = serde_json::from_slice(&rewritten).unwrap();
        assert_eq!(
            rewritten,
            json!({"id": "b_1", "results_url": expected, "x": {"results_url": "https://a/"}})
        );
    }
    assert_eq!(batches.rewrite_body(&own, OURS, b"no JSON"), None);
}
