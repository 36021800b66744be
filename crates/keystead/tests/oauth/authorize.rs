//! The question that a person is asked, and who is told when nothing can be asked.

use keystead::store::Role;
use serde_json::{Value, json};

use super::{BACK, Bed, TOKEN, allow, back};
use crate::harness::page::{Page, Visitor};
use crate::harness::{Ask, Store, on_each_store};

on_each_store!(
    a_person_is_asked_once_and_says_what_may_be_done,
    a_person_who_says_no_is_led_back,
    more_is_asked_for_anew,
    what_was_taken_back_is_asked_for_anew_and_ends_at_once,
);

async fn a_person_is_asked_once_and_says_what_may_be_done(store: Store) {
    let (bed, [mut person, mut other]) =
        Bed::with_people(store, [Role::Auditor, Role::Developer]).await;
    let page = person.visit_private(&bed.ask(&[])).await.expect(200);
    for words in [
        "Letter & box asks",
        "app.example",
        "one AddOn: chat",
        "Signed in as",
    ] {
        assert!(page.says(words), "{words}: {}", page.words());
    }
    assert!(!page.says("other"), "{}", page.words());
    // Never framed, and a form of it may lead to the application and nowhere else.
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(
        policy.contains("form-action 'self' https://app.example;"),
        "{policy}"
    );

    let told = back(&person.submit(&allow(&page)).await);
    let code = bed
        .scene
        .ks
        .place
        .plant("code", told["code"].as_str().unwrap());
    let minted = bed
        .send(TOKEN, &bed.exchange(&code))
        .await
        .expect(200)
        .json();
    assert_eq!(minted["token_type"], "Bearer");
    assert_eq!(minted["expires_in"], 600);
    assert_eq!(minted["scope"], "addon:chat");
    let tokens = bed.plant(&minted);
    bed.works(&tokens.access).await;
    let elsewhere = bed.chat.replace("/chat", "/other");
    let ask = Ask::get(format!("{elsewhere}/v1/models")).bearer(&tokens.access);
    bed.scene
        .client()
        .send(ask)
        .await
        .refused(401, "unauthenticated");
    // At another application's address it is nothing, whatever that has.
    let theirs = bed
        .scene
        .addon
        .ask("GET", "/v1/models", "openai", &tokens.access);
    bed.scene
        .client()
        .send(theirs)
        .await
        .refused(401, "unauthenticated");

    // Again: nobody is bothered. Somebody else is.
    let again = person.visit_private(&bed.ask(&[])).await;
    assert!(back(&again)["code"].is_string());
    other.visit_private(&bed.ask(&[])).await.expect(200);
    let anew = person
        .visit_private(&bed.ask(&[("prompt", "consent")]))
        .await;
    assert!(anew.expect(200).says("Letter & box asks"));
}

async fn a_person_who_says_no_is_led_back(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let page = person.visit_private(&bed.ask(&[])).await.expect(200);
    let form = page.form("/oauth/authorize").forged("decision", "deny");
    let told = back(&person.submit(&form).await);
    assert_eq!(told["error"], "access_denied");
    assert!(told["code"].is_null());
    // And nothing is remembered.
    person.visit_private(&bed.ask(&[])).await.expect(200);
}

async fn more_is_asked_for_anew(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    bed.tokens(&mut person).await;
    let more = [("scope", "addon:chat addon:other")];
    let page = person.visit_private(&bed.ask(&more)).await.expect(200);
    assert!(page.says("2 AddOns: chat , other"), "{}", page.words());
    let code = bed.code_of(&mut person, &bed.ask(&more)).await;
    let minted = bed
        .send(TOKEN, &bed.exchange(&code))
        .await
        .expect(200)
        .json();
    assert_eq!(minted["scope"], "addon:chat addon:other");
    bed.plant(&minted);
    // Both parts of it are remembered.
    for scope in ["addon:chat", "addon:other"] {
        back(&person.visit_private(&bed.ask(&[("scope", scope)])).await);
    }
    let all = person
        .visit_private(&bed.ask(&[("scope", "")]))
        .await
        .expect(200);
    assert!(all.says("and those it gets later"), "{}", all.words());
}

async fn what_was_taken_back_is_asked_for_anew_and_ends_at_once(store: Store) {
    let (bed, mut person) = Bed::on(store).await;
    let tokens = bed.tokens(&mut person).await;
    let mut live = bed.running(&tokens.access).await;
    let account = person.visit_private("/console/account").await.expect(200);
    assert!(account.says("Letter & box"), "{}", account.words());

    let gone = person.submit(&account.form("/withdraw")).await.expect(200);
    assert!(!gone.says("Letter & box"), "{}", gone.words());

    live.is_cut().await;
    bed.is_over(&tokens.access).await;
    super::no(
        &bed.refresh(&tokens.refresh, &[]).await,
        400,
        "invalid_grant",
    );
    // Given again, it does not bring back what came of it before.
    let fresh = bed.tokens(&mut person).await;
    bed.works(&fresh.access).await;
    bed.is_over(&tokens.access).await;
    super::no(
        &bed.refresh(&tokens.refresh, &[]).await,
        400,
        "invalid_grant",
    );
}

/// Whoever could be led anywhere would be led to a page that looks like ours.
#[tokio::test]
async fn an_address_that_is_not_registered_is_never_led_to() {
    let (bed, mut person) = Bed::on(Store::Sqlite).await;
    let other = bed
        .scene
        .ks
        .app_with(json!({"name": "Other"}))
        .await
        .client_id;
    let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", bed.ask(&[]));
    let two_clients = format!("{}&client_id={other}", bed.ask(&[]));
    for (what, path) in [
        ("no client", bed.ask(&[("client_id", "")])),
        (
            "no such client",
            bed.ask(&[("client_id", "cl_00000000000040008000000000000000")]),
        ),
        ("nonsense", bed.ask(&[("client_id", "<script>")])),
        ("another client", bed.ask(&[("client_id", &other)])),
        ("no address", bed.ask(&[("redirect_uri", "")])),
        (
            "another",
            bed.ask(&[("redirect_uri", "https://evil.example/back")]),
        ),
        (
            "a part",
            bed.ask(&[("redirect_uri", "https://app.example/back")]),
        ),
        (
            "a longer one",
            bed.ask(&[("redirect_uri", &format!("{BACK}&x=1"))]),
        ),
        (
            "in capitals",
            bed.ask(&[("redirect_uri", &BACK.replace("app", "APP"))]),
        ),
        (
            "a script",
            bed.ask(&[("redirect_uri", "javascript:alert(1)")]),
        ),
        ("two addresses", twice),
        ("two clients", two_clients),
        ("too long", bed.ask(&[("state", &"x".repeat(3_000))])),
        ("nothing", "/oauth/authorize".to_owned()),
    ] {
        let page = person.visit_private(&path).await;
        assert_eq!(page.status, 400, "{what}: {}", page.words());
        assert_eq!(page.header("location"), None, "{what}");
        assert!(page.says("This can’t be asked"), "{what}: {}", page.words());
        assert!(
            !page.text.contains("evil") && !page.text.contains("<script>alert"),
            "{what}"
        );
    }
    let path = format!("/applications/{}", bed.scene.app.id);
    bed.scene
        .ks
        .manage("POST", &format!("{path}/disable"), &Value::Null)
        .await;
    let disabled = bed.ask(&[("client_id", &bed.scene.app.client_id)]);
    person.visit_private(&disabled).await.expect(400);
}

/// From a registered address on, the application is told what it did wrong.
#[tokio::test]
async fn the_application_is_told_its_mistakes() {
    let (bed, mut person) = Bed::on(Store::Sqlite).await;
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        (
            "response_type",
            "code id_token",
            "unsupported_response_type",
        ),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "addon:nothing", "invalid_scope"),
        ("scope", "openid", "invalid_scope"),
        ("request", "e30.e30.", "request_not_supported"),
        (
            "request_uri",
            "https://app.example/r",
            "request_uri_not_supported",
        ),
        ("dpop_jkt", "x", "invalid_request"),
        ("prompt", "none consent", "invalid_request"),
        ("prompt", "none", "consent_required"),
    ] {
        let told = back(&person.visit_private(&bed.ask(&[(name, value)])).await);
        assert_eq!(told["error"], error, "{name}={value}: {told}");
        assert!(told["code"].is_null(), "{name}={value}");
    }
    let twice = format!("{}&scope=addon%3Achat", bed.ask(&[]));
    assert_eq!(
        back(&person.visit_private(&twice).await)["error"],
        "invalid_request"
    );
}

/// Browsers keep the session from the first request, since another site led to it.
#[tokio::test]
async fn the_way_from_another_site_leads_over_a_page_of_ours() {
    let (bed, mut person) = Bed::on(Store::Sqlite).await;
    let path = bed.ask(&[]);
    let mut stranger = Visitor::new(bed.scene.client());
    stranger.comes_from("cross-site");
    let step = stranger.visit_private(&path).await.expect(200);
    assert_eq!(step.link("Continue"), path);
    assert!(
        step.text.contains("http-equiv=\"refresh\""),
        "it leads on by itself"
    );
    stranger.comes_from("same-origin");
    let sign_in = stranger.visit_private(&path).await.expect(200);
    assert!(
        sign_in.path.starts_with("/console/sign-in?next="),
        "{}",
        sign_in.path
    );
    assert_eq!(sign_in.form("/console/sign-in").value("next"), path);
    let quiet = stranger
        .visit_private(&bed.ask(&[("prompt", "none")]))
        .await;
    assert_eq!(back(&quiet)["error"], "login_required");
    // Who has to prove anew who they are comes back to the question.
    let proof = person.visit_private(&bed.ask(&[("prompt", "login")])).await;
    assert!(proof.expect(200).says("asks"), "the session is fresh");
}

/// Nobody can say yes in a person's name.
#[tokio::test]
async fn a_yes_comes_from_the_page_that_asked() {
    let (bed, [mut person, mut other]) =
        Bed::with_people(Store::Sqlite, [Role::Auditor, Role::Auditor]).await;
    let page = person.visit_private(&bed.ask(&[])).await.expect(200);
    let theirs = other.visit_private(&bed.ask(&[])).await.expect(200);
    let stolen = theirs.form("/oauth/authorize").value("csrf").to_owned();
    let is_refused = |page: &Page| page.status == 403 && page.header("location").is_none();
    for forged in ["", "x", &stolen] {
        let form = allow(&page).forged("csrf", forged);
        let answer = person.submit(&form).await;
        assert!(is_refused(&answer), "{}", answer.words());
    }
    person.comes_from("cross-site");
    let answer = person.submit(&allow(&page)).await;
    assert!(is_refused(&answer), "{}", answer.words());
    person.comes_from("same-origin");
    // What the form carries is looked at anew.
    for forged in [
        "",
        "client_id=x",
        &bed.ask(&[("redirect_uri", "https://evil.example")])[17..],
    ] {
        let answer = person.submit(&allow(&page).forged("request", forged)).await;
        answer.expect(400);
    }
    let mut nobody = Visitor::new(bed.scene.client());
    let answer = nobody.submit(&allow(&page)).await;
    assert!(
        answer.path.starts_with("/console/sign-in"),
        "{}",
        answer.path
    );
    person.visit_private(&bed.ask(&[])).await.expect(200);
}
