//! Members, API tokens, and the end of an application.

use super::*;

#[tokio::test]
async fn the_last_owner_stays_and_only_owners_touch_owners() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let (_, members) = bed.get(&owner, "/members").await;
    let first = text(&members["data"][0], "account_id");
    assert_eq!(members["data"][0]["role"], "owner");
    assert!(text(&members["data"][0], "email").contains('@'));
    let path = format!("/members/{first}");
    let role = |role: &str| json!({ "role": role });
    for (method, body) in [
        (Method::PATCH, role("admin")),
        (Method::DELETE, Value::Null),
    ] {
        let (status, problem) = bed.call(&owner, method, &path, body).await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (409, &json!("last_owner"))
        );
    }

    let admin = bed.member(organization, Role::Admin, ApiScope::All).await;
    let (_, members) = bed.get(&admin, "/members").await;
    let second = text(&members["data"][1], "account_id");
    let own = format!("/members/{second}");
    for (path, body) in [(&path, role("developer")), (&own, role("owner"))] {
        let (status, _) = bed.call(&admin, Method::PATCH, path, body).await;
        assert_eq!(status, 403, "an admin makes and unmakes no owner: {path}");
    }
    let made = bed.call(&owner, Method::PATCH, &own, role("owner")).await;
    assert_eq!((made.0.as_u16(), &made.1["role"]), (200, &json!("owner")));
    let (status, _) = bed.call(&admin, Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 204, "now there is another owner");
    let (status, _) = bed.get(&owner, "/members").await;
    assert_eq!(status, 401, "the token ended with the membership");
    let (status, problem) = bed.call(&admin, Method::PATCH, &own, role("king")).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["pointer"]),
        (422, &json!("#/role"))
    );
}

#[tokio::test]
async fn an_api_token_is_never_mightier_than_its_maker() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let wanted = json!({"name": "ci", "scopes": ["all"], "expires_in_s": 3600});
    let (status, made) = bed.post(&owner, "/api-tokens", wanted).await;
    assert_eq!(status, 201, "{made}");
    let child = text(&made, "api_token");
    let (_, own) = bed.get(&child, "/api-tokens").await;
    assert!(!own.to_string().contains(&child), "shown once");

    let longer = json!({"name": "n", "scopes": ["read"], "expires_in_s": 7200});
    let (status, problem) = bed.post(&child, "/api-tokens", longer).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["pointer"]),
        (422, &json!("#/expires_in_s"))
    );
    let unsaid = json!({"name": "n", "scopes": ["read"]});
    let (_, grandchild) = bed.post(&child, "/api-tokens", unsaid).await;
    assert_eq!(grandchild["expires_at"], made["expires_at"]);
    let reader = text(&grandchild, "api_token");
    assert_eq!(bed.get(&reader, "/keys").await.0, 200);
    let more = json!({"name": "n", "scopes": ["read"]});
    assert_eq!(bed.post(&reader, "/api-tokens", more).await.0, 403);

    let developer = bed
        .member(organization, Role::Developer, ApiScope::All)
        .await;
    let audit = json!({"name": "n", "scopes": ["audit"]});
    assert_eq!(bed.post(&developer, "/api-tokens", audit).await.0, 422);
    let (_, seen) = bed.get(&developer, "/api-tokens").await;
    assert_eq!(seen["data"].as_array().unwrap().len(), 1, "their own");
    let path = format!("/api-tokens/{}", text(&made, "api_token_id"));
    let delete = |token: String| {
        let (bed, path) = (&bed, &path);
        async move { bed.call(&token, Method::DELETE, path, Value::Null).await.0 }
    };
    assert_eq!(delete(developer).await, 404);
    let auditor = bed.member(organization, Role::Auditor, ApiScope::All).await;
    assert_eq!(delete(auditor.clone()).await, 403);
    let all = json!({"name": "n", "scopes": ["all", "usage"]});
    let (_, problem) = bed.post(&auditor, "/api-tokens", all).await;
    assert_eq!(problem["errors"][0]["pointer"], "#/scopes/0");
    assert_eq!(delete(owner).await, 204);
    assert_eq!(bed.get(&child, "/keys").await.0, 401);
}

#[tokio::test]
async fn an_application_goes_with_all_that_is_its_own() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (app, key, addon) = bed.furnish(&token).await;
    let (other, other_key, _) = bed.furnish(&token).await;
    let beside = json!({"name": "Shop, tried out", "development_of": app});
    let (_, beside) = bed.post(&token, "/applications", beside).await;
    let beside = format!("/applications/{}", text(&beside, "application_id"));
    let (_, counts) = bed
        .get(&token, &format!("/applications/{app}/belongings"))
        .await;
    assert_eq!(
        counts,
        json!({"development_applications": 1, "keys": 1, "addons": 1, "client_secrets": 2, "access_tokens": 0})
    );
    let path = format!("/applications/{app}");
    assert_eq!(
        bed.call(&token, Method::DELETE, &path, Value::Null).await.0,
        204
    );
    for gone in [
        path.clone(),
        beside,
        format!("{path}/belongings"),
        format!("/keys/{key}"),
        format!("/addons/{addon}"),
    ] {
        assert_eq!(bed.get(&token, &gone).await.0, 404, "{gone}");
    }
    for left in [
        format!("/applications/{other}"),
        format!("/keys/{other_key}"),
    ] {
        assert_eq!(bed.get(&token, &left).await.0, 200, "{left}");
    }
    let found = bed.manage.store().verify_audit().await.unwrap();
    assert_eq!(found.faults, [], "the log knows that they are gone");
}

#[tokio::test]
async fn a_key_is_renamed_and_keeps_its_limits() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    let (_, key, _) = bed.furnish(&token).await;
    let path = format!("/keys/{key}");
    let limits = json!({"limits": {"requests": "10/s"}});
    bed.call(&token, Method::PATCH, &path, limits).await;
    let name = json!({"name": "Spare"});
    let (_, renamed) = bed.call(&token, Method::PATCH, &path, name).await;
    assert_eq!(
        (&renamed["name"], &renamed["limits"]["requests"]),
        (&json!("Spare"), &json!("10/s"))
    );
}
