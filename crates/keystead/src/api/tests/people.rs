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
async fn an_invitation_is_made_shown_once_and_taken_back() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let admin = bed.member(organization, Role::Admin, ApiScope::All).await;
    let wanted = |email: &str, role: &str| json!({"email": email, "role": role});
    let (status, made) = bed
        .post(&admin, "/invitations", wanted("Ada@Example.org ", "admin"))
        .await;
    assert_eq!(
        (status.as_u16(), &made["email"]),
        (201, &json!("ada@example.org"))
    );
    let link = text(&made, "link");
    assert!(link.contains("/console/invitation#ksl1_"), "{link}");
    let (_, listed) = bed.get(&owner, "/invitations").await;
    assert_eq!(listed["data"][0]["invitation_id"], made["invitation_id"]);
    assert!(!listed.to_string().contains("ksl1_"), "shown once");

    let above = bed.post(&admin, "/invitations", wanted("n@example.org", "owner"));
    assert_eq!(above.await.0, 403, "nobody gives a role above their own");
    let by_owner = bed.post(&owner, "/invitations", wanted("n@example.org", "owner"));
    assert_eq!(by_owner.await.0, 201);
    let (_, members) = bed.get(&owner, "/members").await;
    let known = text(&members["data"][0], "email");
    let (status, problem) = bed
        .post(&owner, "/invitations", wanted(&known, "admin"))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("member_already"))
    );
    let wrong = json!({"email": "nobody", "role": "king", "expires_in_s": 60});
    let (_, problem) = bed.post(&owner, "/invitations", wrong).await;
    let errors = problem["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| text(error, "pointer")).collect();
    assert_eq!(pointers, ["#/role", "#/email", "#/expires_in_s"]);

    // Page by page, in the order in which they were made.
    let (_, first) = bed.get(&owner, "/invitations?limit=1").await;
    assert_eq!(first["data"][0]["invitation_id"], made["invitation_id"]);
    let next = format!("/invitations?cursor={}", text(&first, "next_cursor"));
    let (_, second) = bed.get(&owner, &next).await;
    assert_eq!(
        (&second["data"][0]["role"], &second["has_more"]),
        (&json!("owner"), &json!(false))
    );

    let path = format!("/invitations/{}", text(&made, "invitation_id"));
    let withdraw = || bed.call(&admin, Method::DELETE, &path, Value::Null);
    assert_eq!(withdraw().await.0, 204);
    assert_eq!(withdraw().await.0, 404);
    let (_, listed) = bed.get(&owner, "/invitations").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_sees_and_ends_its_own_sessions_alone() {
    let bed = Bed::new().await;
    let (organization, owner) = bed.organization().await;
    let (_, tokens) = bed.get(&owner, "/api-tokens").await;
    let account = text(&tokens["data"][0], "account_id");
    let session = bed.session(organization, &account).await;
    bed.session(organization, &account).await;
    let (_, listed) = bed.get(&owner, "/sessions").await;
    let sessions = listed["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[1]["session_id"], json!(session));
    assert_eq!(sessions[1]["method"], "password");
    assert_eq!(sessions[1]["current"], false, "an API token asks from none");

    let admin = bed.member(organization, Role::Admin, ApiScope::All).await;
    let path = format!("/sessions/{session}");
    let (_, theirs) = bed.get(&admin, "/sessions").await;
    assert_eq!(theirs["data"], json!([]));
    let foreign = bed.call(&admin, Method::DELETE, &path, Value::Null).await;
    assert_eq!(foreign.0, 404);
    bed.call(&admin, Method::DELETE, "/sessions", Value::Null)
        .await;
    let own = bed.call(&owner, Method::DELETE, &path, Value::Null).await;
    assert_eq!(own.0, 204);
    let (_, listed) = bed.get(&owner, "/sessions").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let all = bed.call(&owner, Method::DELETE, "/sessions", Value::Null);
    assert_eq!(all.await.0, 204);
    let (_, listed) = bed.get(&owner, "/sessions").await;
    assert_eq!(listed["data"], json!([]));
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
        json!({"development_applications": 1, "keys": 1, "own_keys": 0, "addons": 1, "client_secrets": 2, "access_tokens": 0})
    );
    let path = format!("/applications/{app}");
    let (status, receipt) = bed.call(&token, Method::DELETE, &path, Value::Null).await;
    assert_eq!(
        (status.as_u16(), &receipt["erased"]["applications"]),
        (200, &json!(2))
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
