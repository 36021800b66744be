//! A POST that names itself is done once.

use super::*;

impl Bed {
    async fn named(&self, token: &str, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap();
        let router = router(self.manage.clone(), self.gate.clone());
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn count(&self, token: &str, path: &str) -> usize {
        let (_, list) = self.get(token, path).await;
        list["data"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_named_request_is_done_once_and_answers_alike() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, _, _) = bed.furnish(&token).await;
    let new = json!({"application_id": app, "provider": "openai", "name": "n", "key": KEY});
    let first = bed.named(&token, "/keys", "one", &new).await;
    let again = bed.named(&token, "/keys", "one", &new).await;
    assert_eq!((first.0, &first), (201, &again));
    assert_eq!(bed.count(&token, "/keys").await, 2);

    let mut other = new.clone();
    other["name"] = "m".into();
    let (status, problem) = bed.named(&token, "/keys", "one", &other).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("idempotency_key_reused"))
    );
    // Another's name, and that of another route, are other names.
    let (_, second) = bed.organization().await;
    assert_eq!(bed.named(&second, "/keys", "one", &new).await.0, 404);
    let disable = format!("/applications/{app}/disable");
    assert_eq!(bed.named(&token, &disable, "one", &json!({})).await.0, 200);
    assert_eq!(bed.named(&token, "/keys", "two", &new).await.0, 201);
}

#[tokio::test]
async fn an_answer_of_before_is_not_for_a_role_of_after() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let (app, key, _) = bed.furnish(&owner).await;
    let token = bed
        .member(organization, Role::Developer, ApiScope::All)
        .await;
    let check = format!("/keys/{key}/check");
    assert_eq!(bed.named(&token, &check, "one", &json!({})).await.0, 200);
    assert_eq!(bed.named(&token, &check, "one", &json!({})).await.0, 200);

    let (_, own) = bed.get(&token, "/api-tokens").await;
    let account = text(&own["data"][0], "account_id").parse().unwrap();
    let store = bed.manage.store();
    let member = store.member(organization, account).await.unwrap().unwrap();
    store
        .set_role(Actor::Operator, member, Role::Auditor)
        .await
        .unwrap();
    let (status, answer) = bed.named(&token, &check, "one", &json!({})).await;
    assert_eq!(status, 422, "{answer}");
    assert!(!answer.to_string().contains(&app), "{answer}");
    assert_eq!(bed.named(&token, &check, "two", &json!({})).await.0, 403);
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_given_twice() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let new = json!({"name": "Shop"});
    assert_eq!(bed.named(&token, "/applications", "a", &new).await.0, 201);
    let (status, problem) = bed.named(&token, "/applications", "a", &new).await;
    assert_eq!(
        (status, &problem["code"]),
        (409, &json!("idempotent_secret_shown"))
    );
    assert_eq!(bed.count(&token, "/applications").await, 1);
}

#[tokio::test]
async fn of_equal_requests_at_once_one_is_done() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let new = json!({"name": "Shop", "public": true, "redirect_uris": ["https://a.example/"]});
    let send = || bed.named(&token, "/applications", "same", &new);
    let answers = tokio::join!(send(), send(), send());
    for (status, answer) in [answers.0, answers.1, answers.2] {
        let in_flight = answer["code"] == "idempotency_in_flight";
        assert!(status == 201 || (status == 409 && in_flight), "{answer}");
    }
    assert_eq!(bed.count(&token, "/applications").await, 1);
    assert_eq!(send().await.0, 201, "the answer of the one that was done");
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_by_its_name() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, _, _) = bed.furnish(&token).await;
    let new = json!({"application_id": app, "provider": "openai", "name": "n", "key": KEY});
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    assert_eq!(bed.named(&token, "/keys", "k", &new).await.0, 422);
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Valid);
    assert_eq!(bed.named(&token, "/keys", "k", &new).await.0, 201);
    for key in ["", " ", "a b", &"x".repeat(256)] {
        let (status, problem) = bed.named(&token, "/keys", key, &new).await;
        assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    }
    assert_eq!(bed.named("", "/keys", "k", &new).await.0, 401);
}
