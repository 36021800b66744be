//! The OpenAPI document and the router are one.

use utoipa::openapi::path::PathItem;

use super::*;

#[tokio::test]
async fn every_route_is_in_the_document_and_the_other_way_round() {
    let bed = Bed::new().await;
    let document = document();
    assert!(document.paths.paths.len() > 25);
    for (path, item) in &document.paths.paths {
        let place = path.replace(['{', '}'], "x");
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let (status, problem) = bed.call("", method.clone(), &place, Value::Null).await;
            let expected = match of(item, &method) {
                true if path == "/openapi.json" => 200,
                true => 401,
                false => 405,
            };
            assert_eq!(status, expected, "{method} {path}: {problem}");
        }
    }
    // Routes come from `routes!` alone, which writes the document.
    assert!(!include_str!("../mod.rs").contains(".route("));
}

#[tokio::test]
async fn anyone_reads_the_document() {
    let bed = Bed::new().await;
    let (status, value) = bed.get("", "/openapi.json").await;
    assert_eq!((status.as_u16(), &value["openapi"]), (200, &json!("3.1.0")));
    let shown: Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
    assert_eq!(value, shown);
}

#[test]
fn every_operation_says_who_may_and_how_it_can_fail() {
    for (path, item) in &document().paths.paths {
        for operation in [&item.get, &item.post, &item.patch, &item.delete] {
            let Some(operation) = operation else { continue };
            assert!(operation.summary.is_some(), "{path}");
            let statuses: Vec<_> = operation.responses.responses.keys().collect();
            let has = |status: &str| statuses.iter().any(|one| *one == status);
            assert!(has("403"), "{path}");
            assert!(has("401") || operation.security.is_some(), "{path}");
            assert_eq!(has("415"), operation.request_body.is_some(), "{path}");
        }
    }
}

#[test]
fn a_call_shows_a_token_or_a_session_with_its_proof() {
    let document: Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
    let either = json!([{"api_token": []}, {"console_session": [], "console_csrf": []}]);
    assert_eq!(document["security"], either);
    let schemes = &document["components"]["securitySchemes"];
    for (name, place, called) in [
        ("console_session", "cookie", "__Host-keystead"),
        ("console_csrf", "header", "x-keystead-csrf"),
    ] {
        let scheme = &schemes[name];
        assert_eq!(
            (&scheme["type"], &scheme["in"], &scheme["name"]),
            (&json!("apiKey"), &json!(place), &json!(called))
        );
    }
}

fn of(item: &PathItem, method: &Method) -> bool {
    let operation = match *method {
        Method::GET => &item.get,
        Method::POST => &item.post,
        Method::PATCH => &item.patch,
        Method::DELETE => &item.delete,
        _ => &item.put,
    };
    operation.is_some()
}
