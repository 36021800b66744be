//! Who may do what, to whose objects, from where.

use super::*;
use crate::{
    ids::{AccountId, ApplicationId, KeyId},
    manage::{Caller, May, applications, keys, permission::right},
};

#[tokio::test]
async fn a_token_must_be_an_api_token_that_is_in_use() {
    let bed = Bed::new().await;
    let (organization, token) = bed.organization().await;
    let (_, made) = bed
        .post(&token, "/applications", json!({"name": "n"}))
        .await;
    let secret = text(&made, "client_secret");
    let stranger = keystead_vault::Token::generate(keystead_vault::TokenKind::Api);
    for wrong in [
        "",
        "ksa1_",
        &secret,
        stranger.expose(),
        &token[..token.len() - 1],
    ] {
        let (status, problem) = bed.get(wrong, "/keys").await;
        assert_eq!(
            (status.as_u16(), &problem["code"]),
            (401, &json!("unauthenticated"))
        );
    }
    let narrow = bed.member(organization, Role::Owner, ApiScope::Usage).await;
    assert_eq!(bed.get(&narrow, "/usage").await.0, 200);
    assert_eq!(bed.get(&narrow, "/keys").await.0, 403);
}

#[tokio::test]
async fn management_can_be_limited_to_addresses() {
    let bed = Bed::with(&[("console.allow", "10.0.0.0/8")]).await;
    let (_, token) = bed.organization().await;
    for (address, status) in [
        (None, 403),
        (Some("10.1.2.3"), 200),
        (Some("::ffff:10.1.2.3"), 200),
        (Some("11.1.2.3"), 403),
    ] {
        let mut request = Request::get("/api/v1/keys")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        if let Some(address) = address {
            request
                .extensions_mut()
                .insert(ClientAddress(address.parse().unwrap()));
        }
        let response = router(bed.manage.clone(), bed.gate.clone())
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{address:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_says_so_in_the_same_form() {
    let bed = Bed::new().await;
    let (_, token) = bed.organization().await;
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "no_such_route"),
        (Method::PUT, "/keys", 405, "method_not_allowed"),
        (Method::TRACE, "/keys", 405, "method_not_allowed"),
        (Method::GET, "/keys/key_1", 404, "not_found"),
        (
            Method::GET,
            "/keys/app_00000000000000000000000000000000",
            404,
            "not_found",
        ),
    ] {
        let (found, problem) = bed.call(&token, method.clone(), path, Value::Null).await;
        assert_eq!(
            (found.as_u16(), &problem["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn what_hurts_most_wants_a_fresh_proof() {
    let bed = Bed::new().await;
    let (organization, token) = bed.organization().await;
    let (app, key, _) = bed.furnish(&token).await;
    let (app, key): (ApplicationId, KeyId) = (app.parse().unwrap(), key.parse().unwrap());
    let mut person = Caller {
        organization,
        account: AccountId::new(bed.manage.store().clock()),
        actor: Actor::Operator,
        role: Role::Owner,
        scopes: vec![ApiScope::All],
        fresh: false,
        session: None,
        until: None,
    };
    let manage = &bed.manage;
    let stale = person.may::<right::ReplaceKeys>(manage).await;
    assert!(matches!(stale, Err(Problem::StepUpNeeded(_))));

    // Addresses alone: what else is changed in the same form needs no step-up.
    let may: May<right::EditApplications> = person.may(manage).await.unwrap();
    let named = |addresses: Option<&str>| applications::Update {
        name: Some("Shop 2".into()),
        addresses: addresses.map(|range| vec![range.to_owned()]),
        ..applications::Update::default()
    };
    let refused = applications::update(manage, &may, app, named(Some("10.0.0.0/8"))).await;
    assert!(matches!(refused, Err(Problem::StepUpNeeded(_))));
    applications::update(manage, &may, app, named(None))
        .await
        .unwrap();

    person.fresh = true;
    let may: May<right::EditApplications> = person.may(manage).await.unwrap();
    applications::update(manage, &may, app, named(Some("10.0.0.0/8")))
        .await
        .unwrap();
    person.fresh = false;
    let may: May<right::EditApplications> = person.may(manage).await.unwrap();
    let same = applications::update(manage, &may, app, named(Some("10.0.0.0/8"))).await;
    assert_eq!(same.unwrap().addresses, ["10.0.0.0/8"]);

    person.fresh = true;
    let may = person.may(manage).await.unwrap();
    keys::remove(manage, &may, key).await.unwrap();
}
