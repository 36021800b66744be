//! Refresh tokens, one after the other; and what ends them.

use super::{Bed, REVOKE, no};
use crate::harness::{Store, on_each_store};

on_each_store!(
    each_refresh_token_gives_the_next_one,
    a_refresh_token_that_is_used_twice_ends_its_family,
    of_two_who_refresh_at_once_nobody_keeps_anything,
    a_refresh_narrows_and_never_widens,
    revoking_a_refresh_token_ends_what_came_of_it,
);

async fn each_refresh_token_gives_the_next_one(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let mut tokens = bed.tokens(&mut person).await;
    let first = tokens.clone();
    for _ in 0..3 {
        let reply = bed.refresh(&tokens.refresh, &[]).await.expect(200);
        let next = bed.plant(&reply.json());
        assert_ne!(next.refresh, tokens.refresh);
        tokens = next;
        bed.works(&tokens.access).await;
    }
    // What was minted before lives as long as it was said to.
    bed.works(&first.access).await;
    // It outlives the process.
    bed.scene.ks.kill();
    bed.scene.ks.start_again().await;
    let next = bed.plant(&bed.refresh(&tokens.refresh, &[]).await.expect(200).json());
    bed.works(&next.access).await;
    for (what, token) in [
        ("an access token", &next.access),
        ("nonsense", &"x".to_owned()),
    ] {
        let reply = bed.refresh(token, &[]).await;
        assert_eq!(reply.json()["error"], "invalid_grant", "{what}");
    }
}

async fn a_refresh_token_that_is_used_twice_ends_its_family(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let other = bed.tokens(&mut person).await;
    let first = bed.tokens(&mut person).await;
    let second = bed.plant(&bed.refresh(&first.refresh, &[]).await.expect(200).json());
    let third = bed.plant(&bed.refresh(&second.refresh, &[]).await.expect(200).json());
    let mut live = bed.running(&third.access).await;
    bed.scene.ks.expects_errors("refresh_token_used_twice");
    let alerts = "keystead_alerts_total{kind=\"refresh_token_used_twice\"}";
    assert_eq!(bed.scene.ks.metric(alerts), 0.0, "each came once");

    // The oldest of them: whoever has it has waited.
    no(
        &bed.refresh(&first.refresh, &[]).await,
        400,
        "invalid_grant",
    );

    live.is_cut().await;
    assert_eq!(bed.scene.ks.metric(alerts), 1.0);
    for tokens in [&first, &second, &third] {
        bed.is_over(&tokens.access).await;
        no(
            &bed.refresh(&tokens.refresh, &[]).await,
            400,
            "invalid_grant",
        );
    }
    // The same person's other browser goes on.
    bed.works(&other.access).await;
    bed.plant(&bed.refresh(&other.refresh, &[]).await.expect(200).json());
}

async fn of_two_who_refresh_at_once_nobody_keeps_anything(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    bed.scene.ks.expects_errors("refresh_token_used_twice");
    for _ in 0..5 {
        let tokens = bed.tokens(&mut person).await;
        let (one, other) = tokio::join!(
            bed.refresh(&tokens.refresh, &[]),
            bed.refresh(&tokens.refresh, &[])
        );
        let (good, bad) = if one.status == 200 {
            (one, other)
        } else {
            (other, one)
        };
        no(&bad, 400, "invalid_grant");
        let next = bed.plant(&good.expect(200).json());
        bed.is_over(&next.access).await;
        no(&bed.refresh(&next.refresh, &[]).await, 400, "invalid_grant");
    }
}

async fn a_refresh_narrows_and_never_widens(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let both = bed.ask(&[("scope", "addon:chat addon:other")]);
    let code = bed.code_of(&mut person, &both).await;
    let minted = bed
        .send(super::TOKEN, &bed.exchange(&code))
        .await
        .expect(200);
    let mut tokens = bed.plant(&minted.json());
    for (scope, written) in [
        ("addon:other", "addon:other"),
        ("", "addon:chat addon:other"),
    ] {
        let reply = bed
            .refresh(&tokens.refresh, &[("scope", scope)])
            .await
            .expect(200);
        assert_eq!(reply.json()["scope"], written, "{scope}");
        tokens = bed.plant(&reply.json());
    }
    for wider in ["addon:*", "addon:third", "addon:chat addon:third", "openid"] {
        let reply = bed.refresh(&tokens.refresh, &[("scope", wider)]).await;
        no(&reply, 400, "invalid_scope");
    }
    // What was refused used nothing up.
    bed.plant(&bed.refresh(&tokens.refresh, &[]).await.expect(200).json());
}

async fn revoking_a_refresh_token_ends_what_came_of_it(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let tokens = bed.tokens(&mut person).await;
    let next = bed.plant(&bed.refresh(&tokens.refresh, &[]).await.expect(200).json());
    let own = ("client_id", &*bed.client_id);
    let app = &bed.scene.app;
    let theirs = [
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("token", &*next.refresh),
    ];
    bed.send(REVOKE, &theirs).await.expect(200);
    no(
        &bed.send(REVOKE, &[("token", &next.refresh)]).await,
        401,
        "invalid_client",
    );
    let mut live = bed.running(&next.access).await;

    let revoke = [
        own,
        ("token", &next.refresh),
        ("token_type_hint", "access_token"),
    ];
    bed.send(REVOKE, &revoke).await.expect(200);

    live.is_cut().await;
    bed.is_over(&next.access).await;
    bed.is_over(&tokens.access).await;
    no(&bed.refresh(&next.refresh, &[]).await, 400, "invalid_grant");
    bed.send(REVOKE, &revoke).await.expect(200);

    // An access token alone is ended alone.
    let tokens = bed.tokens(&mut person).await;
    bed.send(REVOKE, &[own, ("token", &tokens.access)])
        .await
        .expect(200);
    bed.is_over(&tokens.access).await;
    bed.plant(&bed.refresh(&tokens.refresh, &[]).await.expect(200).json());
}
