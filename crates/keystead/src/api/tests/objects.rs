//! Applications, AddOns and lists.

use super::*;

#[tokio::test]
async fn the_main_job_is_set_up_in_three_calls() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (status, app) = bed
        .post(
            &token,
            "/applications",
            json!({"name": "Shop", "origins": ["https://a.example"]}),
        )
        .await;
    assert_eq!(status, 201, "{app}");
    assert!(text(&app, "client_secret").starts_with("ksc1_"));
    let (application, client) = (text(&app, "application_id"), text(&app, "client_id"));

    let new =
        json!({"application_id": application, "provider": "openai", "name": "main", "key": KEY});
    let (status, key) = bed.post(&token, "/keys", new).await;
    assert_eq!(status, 201, "{key}");
    assert_eq!(
        (&key["provider"], &key["last4"], &key["status"]),
        (&json!("openai"), &json!("WXYZ"), &json!("valid"))
    );
    assert_eq!(key["destination"], "https://api.openai.com");

    let new = json!({"application_id": application, "handle": "chat", "type": "text", "key_id": key["key_id"]});
    let (status, addon) = bed.post(&token, "/addons", new.clone()).await;
    assert_eq!(status, 201, "{addon}");
    assert_eq!(
        addon["base_url"],
        format!("http://localhost:8420/proxy/{client}/chat/v1")
    );
    let (status, problem) = bed.post(&token, "/addons", new).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("handle_taken"))
    );
    assert_eq!(problem["type"], "urn:keystead:error:handle_taken");
}

#[tokio::test]
async fn switches_work_both_ways_and_deletion_is_for_good() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    for path in [
        format!("/applications/{app}"),
        format!("/keys/{key}"),
        format!("/addons/{addon}"),
    ] {
        for (verb, disabled) in [("disable", true), ("enable", false)] {
            let (status, shown) = bed.post(&token, &format!("{path}/{verb}"), json!({})).await;
            assert_eq!(
                (status.as_u16(), &shown["disabled"]),
                (200, &json!(disabled)),
                "{path}"
            );
        }
    }
    let change = json!({"models": ["gpt-5"], "allow": ["background", "store"], "strict": true});
    let (status, shown) = bed
        .call(&token, Method::PATCH, &format!("/addons/{addon}"), change)
        .await;
    assert_eq!(
        (status.as_u16(), &shown["strict"], &shown["models"]),
        (200, &json!(true), &json!(["gpt-5"]))
    );
    let wrong = json!({"operations": ["files.delete-everything"], "allow": ["flying"]});
    let (status, problem) = bed
        .call(&token, Method::PATCH, &format!("/addons/{addon}"), wrong)
        .await;
    assert_eq!(
        (status.as_u16(), problem["errors"].as_array().unwrap().len()),
        (422, 2)
    );

    for path in [format!("/addons/{addon}"), format!("/keys/{key}")] {
        let (status, _) = bed.call(&token, Method::DELETE, &path, Value::Null).await;
        assert_eq!(status, 204);
        assert_eq!(bed.get(&token, &path).await.0, 404);
    }
}

#[tokio::test]
async fn an_addon_outlives_its_key() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    let (key, addon) = (format!("/keys/{key}"), format!("/addons/{addon}"));
    bed.call(&token, Method::DELETE, &key, Value::Null).await;

    let (status, listed) = bed.get(&token, "/addons").await;
    assert_eq!(status, 200, "{listed}");
    let (status, shown) = bed.get(&token, &addon).await;
    assert_eq!(status, 200, "{shown}");
    for shown in [&listed["data"][0], &shown] {
        assert_eq!(shown["handle"], "chat");
        assert!(
            shown["key_id"].is_null() && shown["base_url"].is_null(),
            "{shown}"
        );
    }
    let (status, _) = bed
        .post(&token, &format!("{addon}/disable"), json!({}))
        .await;
    assert_eq!(status, 200);
    let change = json!({"strict": true});
    let (status, shown) = bed.call(&token, Method::PATCH, &addon, change).await;
    assert_eq!(status, 200, "{shown}");

    let other = json!({"application_id": app, "provider": "openai", "name": "k", "key": KEY});
    let (_, other) = bed.post(&token, "/keys", other).await;
    let change = json!({"key_id": other["key_id"]});
    let (status, shown) = bed.call(&token, Method::PATCH, &addon, change).await;
    assert_eq!((status.as_u16(), &shown["key_id"]), (200, &other["key_id"]));
    let (status, _) = bed.call(&token, Method::DELETE, &addon, Value::Null).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn a_list_goes_on_where_it_ended() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    for number in 0..5 {
        bed.post(
            &token,
            "/applications",
            json!({"name": format!("App {number}")}),
        )
        .await;
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = bed
            .get(&token, &format!("/applications?limit=2{cursor}"))
            .await;
        names.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| text(row, "name")),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["App 4", "App 3", "App 2", "App 1", "App 0"]);
    for bad in ["limit=0", "cursor=x", "page=2"] {
        let (status, _) = bed.get(&token, &format!("/applications?{bad}")).await;
        assert!(status.is_client_error(), "{bad}");
    }
}
