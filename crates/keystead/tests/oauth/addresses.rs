//! From where tokens are asked for: a page or program of an end user from where calls may come, by whichever
//! grant; a host's backend from where it is.

use keystead::store::Role;
use serde_json::json;

use super::{Bed, REVOKE, TOKEN, no};
use crate::harness::issuer::Issuer;
use crate::harness::{Ask, Reply, Store, on_each_store};

on_each_store!(a_token_is_asked_for_from_where_calls_may_come);

const ELSEWHERE: &str = "127.99.99.99";

async fn a_token_is_asked_for_from_where_calls_may_come(store: Store) {
    let (bed, [mut person]) = Bed::with_people(store, [Role::Auditor]).await;
    let issuer = Issuer::start().await;
    let wanted = json!({"issuer": {"issuer": issuer.name, "audience": "keystead-letterbox"}});
    let path = bed.application();
    bed.scene.ks.manage("PATCH", &path, &wanted).await;
    let tokens = bed.tokens(&mut person).await;
    let code = bed.code(&mut person).await;
    let claims = json!({"aud": "keystead-letterbox", "sub": "user-1", "nonce": null});
    let subject_token = issuer.sign(&claims);
    let subject_token = bed.scene.ks.place.plant("subject_token", subject_token);
    let app = &bed.scene.app;
    let client_id = ("client_id", &*bed.client_id);
    let grants: [Vec<(&str, &str)>; 4] = [
        vec![
            ("grant_type", "client_credentials"),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
            ("uid", "u-1"),
        ],
        vec![
            ("grant_type", "refresh_token"),
            client_id,
            ("refresh_token", &tokens.refresh),
        ],
        vec![
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            client_id,
            ("subject_token", &subject_token),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
        ],
        bed.exchange(&code),
    ];

    let ranges = json!({"addresses": [format!("{ELSEWHERE}/32")]});
    for id in [&bed.id, &app.id] {
        let path = format!("/applications/{id}");
        bed.scene.ks.manage("PATCH", &path, &ranges).await;
    }
    let from = async |place: Option<&str>, path: &str, fields: &[(&str, &str)]| -> Reply {
        let mut client = bed.scene.client();
        client.from = place.map_or(client.from, |place| place.parse().unwrap());
        client.send(Ask::post(path).form(fields).secret()).await
    };
    for fields in &grants[1..] {
        // What a stranger says of where they are is not heard.
        let mut client = bed.scene.client();
        client.from = "127.99.99.98".parse().unwrap();
        let ask = Ask::post(TOKEN).form(fields).secret();
        let claimed = client.send(ask.header("x-forwarded-for", ELSEWHERE)).await;
        no(&claimed, 403, "unauthorized_client");
        let reply = from(None, TOKEN, fields).await;
        no(&reply, 403, "unauthorized_client");
    }
    let minted = from(None, TOKEN, &grants[0]).await.expect(200).json();
    let token = minted["access_token"].as_str().unwrap();
    bed.scene.ks.place.plant("access_token", token.to_owned());
    // A wrong secret is a wrong secret from anywhere.
    let mut wrong = grants[0].clone();
    wrong[2].1 = "nonsense";
    no(&from(None, TOKEN, &wrong).await, 401, "invalid_client");
    // Nothing was used up by what was refused.
    for fields in &grants {
        let reply = from(Some(ELSEWHERE), TOKEN, fields).await.expect(200);
        let minted = reply.json();
        for name in ["access_token", "refresh_token"] {
            if let Some(token) = minted[name].as_str() {
                bed.scene.ks.place.plant(name, token.to_owned());
            }
        }
    }
    // What ends something is heard from anywhere.
    let fields = [client_id, ("token", &*tokens.access)];
    from(None, REVOKE, &fields).await.expect(200);
}
