//! Keys: entered, checked, rotated, never shown.

use super::*;

#[tokio::test]
async fn no_answer_ever_holds_the_key_or_an_old_secret() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    let (_, made) = bed
        .post(
            &token,
            &format!("/applications/{app}/client-secrets"),
            json!({}),
        )
        .await;
    let secret = text(&made, "client_secret");
    for path in [
        "/applications".to_owned(),
        format!("/applications/{app}"),
        format!("/applications/{app}/client-secrets"),
        "/keys".to_owned(),
        format!("/keys/{key}"),
        "/addons".to_owned(),
        format!("/addons/{addon}"),
        "/usage".to_owned(),
        "/requests".to_owned(),
        "/audit".to_owned(),
    ] {
        let (status, value) = bed.get(&token, &path).await;
        assert_eq!(status, 200, "{path}: {value}");
        let said = value.to_string();
        assert!(
            !said.contains("Canary") && !said.contains(&secret) && !said.contains("ksc1_"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_refused_key_is_not_stored_and_an_unreachable_provider_is_told() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, app) = bed
        .post(&token, "/applications", json!({"name": "Shop"}))
        .await;
    let new = |extra: Value| {
        let mut body = json!({"application_id": app["application_id"], "provider": "openai", "name": "k", "key": KEY});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, problem) = bed.post(&token, "/keys", new(json!({}))).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("key_refused"))
    );
    let (_, listed) = bed.get(&token, "/keys").await;
    assert_eq!(
        listed,
        json!({"data": [], "next_cursor": null, "has_more": false})
    );

    *bed.says.answer.lock() = Asked::Unreachable;
    let (status, key) = bed.post(&token, "/keys", new(json!({}))).await;
    assert_eq!(
        (status.as_u16(), &key["status"]),
        (201, &json!("unchecked"))
    );
    assert!(text(&key, "note").contains("could not be reached"));

    let asked = bed.says.asked.load(Ordering::Relaxed);
    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, key) = bed
        .post(&token, "/keys", new(json!({"skip_check": true})))
        .await;
    assert_eq!(
        (status.as_u16(), &key["status"]),
        (201, &json!("unchecked"))
    );
    assert_eq!(
        bed.says.asked.load(Ordering::Relaxed),
        asked,
        "nobody was asked"
    );

    let refused = [
        json!({"key": "sk-admin-0123456789abcdef"}),
        json!({"key": "short"}),
        json!({"endpoint": "https://evil.example"}),
        json!({"endpoint": "http://api.openai.com"}),
        json!({"endpoint": "https://169.254.169.254", "skip_check": true}),
        json!({"provider": "nobody"}),
    ];
    for extra in refused {
        let (status, problem) = bed.post(&token, "/keys", new(extra.clone())).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (422, &json!("invalid")),
            "{extra}"
        );
        assert!(!problem.to_string().contains("0123456789"), "{problem}");
    }
    *bed.says.admits.lock() = Err("the address is private");
    let (status, _) = bed
        .post(&token, "/keys", new(json!({"skip_check": true})))
        .await;
    assert_eq!(status, 422, "an inner address is refused even unchecked");
}

#[tokio::test]
async fn a_rotation_checks_first_and_keeps_the_place() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, key, _) = bed.furnish(&token).await;
    let rotate = format!("/keys/{key}/rotate");
    let new = json!({"key": "sk-proj-Second0123456789abcdefABCD"});

    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Wrong);
    let (status, problem) = bed.post(&token, &rotate, new.clone()).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("key_refused"))
    );
    let (_, same) = bed.get(&token, &format!("/keys/{key}")).await;
    assert_eq!(
        (&same["version"], &same["last4"]),
        (&json!(1), &json!("WXYZ"))
    );

    *bed.says.answer.lock() = Asked::Said(CheckOutcome::Valid);
    let (status, rotated) = bed.post(&token, &rotate, new).await;
    assert_eq!(status, 200, "{rotated}");
    assert_eq!(
        (&rotated["version"], &rotated["last4"]),
        (&json!(2), &json!("ABCD"))
    );
    let (_, shown) = bed.get(&token, &format!("/keys/{key}")).await;
    assert_eq!(
        shown["versions"].as_array().unwrap().len(),
        2,
        "the old one stays for an overlap"
    );
    let (status, _) = bed
        .post(&token, &rotate, json!({"key": KEY, "overlap_s": 9_999_999}))
        .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn a_check_is_told_and_kept() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, key, _) = bed.furnish(&token).await;
    for (answer, status) in [
        (Asked::Said(CheckOutcome::NoCredit), "no_credit"),
        (
            Asked::Said(CheckOutcome::NoPermission {
                missing: vec!["a.b".into()],
            }),
            "no_permission",
        ),
        (Asked::Said(CheckOutcome::Wrong), "wrong"),
        (Asked::Unreachable, "wrong"),
        (Asked::Said(CheckOutcome::Valid), "valid"),
    ] {
        *bed.says.answer.lock() = answer.clone();
        let (code, shown) = bed
            .post(&token, &format!("/keys/{key}/check"), json!({}))
            .await;
        assert_eq!(
            (code.as_u16(), &shown["status"]),
            (200, &json!(status)),
            "{answer:?}"
        );
    }
    let (_, events) = bed.get(&token, "/audit?limit=200").await;
    let opened = |event: &&Value| event["action"] == "key.opened";
    let events = events["data"].as_array().unwrap().clone();
    assert_eq!(
        events.iter().filter(opened).count(),
        5,
        "each opening is on record"
    );
}
