//! How long codes, refresh tokens and families last.

use std::time::Duration;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::{
    clock::Timestamp,
    custody::NewAccount,
    store::{Email, Role},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "https://app.example/";
const DAY: Duration = Duration::from_secs(86_400);

struct Life {
    bed: Bed,
    clock: Clock,
    client: String,
}

impl Life {
    async fn new() -> Self {
        let clock = Clock::standing_at(Timestamp::from_micros(1_790_000_000_000_000));
        let bed = Bed::at(clock.clone()).await;
        let client = bed.application.client_id.to_string();
        Self { bed, clock, client }
    }

    /// The code of someone who says yes.
    async fn code(&self) -> String {
        let oauth = &self.bed.oauth;
        let custody = &oauth.0.custody;
        let number = keystead_vault::random::<8>();
        let email = format!(
            "{}@mail.example",
            URL_SAFE_NO_PAD.encode(number).to_lowercase()
        );
        let new = NewAccount {
            organization: self.bed.application.organization,
            email: Email::parse(&email).unwrap(),
            role: Role::Auditor,
        };
        let account = custody.create_account(Actor::Operator, new).await.unwrap();
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &self.client),
                ("redirect_uri", BACK),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let asked = oauth.asked(&query).await.unwrap();
        let grant = oauth.agree(account.id, &asked).await.unwrap();
        let address = oauth.lead_back(&grant, &asked).await.unwrap();
        let (_, query) = address.split_once('?').unwrap();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let code = pairs.find(|(name, _)| name == "code").unwrap().1;
        code.into_owned()
    }

    async fn exchange(&self, code: &str) -> (StatusCode, Value) {
        self.ask(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    async fn refresh(&self, token: &Value) -> (StatusCode, Value) {
        let token = token["refresh_token"].as_str().unwrap();
        self.ask(&[("grant_type", "refresh_token"), ("refresh_token", token)])
            .await
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let own = [
            ("client_id", &*self.client),
            ("client_secret", &*self.bed.secret),
        ];
        let (status, _, body) = self.bed.token(&[&own, fields].concat()).await;
        (status, body)
    }
}

#[tokio::test]
async fn a_code_lasts_a_minute() {
    let life = Life::new().await;
    let (early, late) = (life.code().await, life.code().await);
    life.clock.advance(Duration::from_secs(59));
    assert_eq!(life.exchange(&early).await.0, 200);
    life.clock.advance(Duration::from_secs(1));
    let (status, body) = life.exchange(&late).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &"invalid_grant".into())
    );
}

#[tokio::test]
async fn a_refresh_token_may_lie_unused_for_a_month() {
    let life = Life::new().await;
    let (_, first) = life.exchange(&life.code().await).await;
    life.clock.advance(DAY * 29);
    let (status, second) = life.refresh(&first).await;
    assert_eq!(status, 200, "{second}");
    life.clock.advance(DAY * 30);
    let (status, body) = life.refresh(&second).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &"invalid_grant".into())
    );
}

#[tokio::test]
async fn a_family_lasts_three_months_however_often_it_is_renewed() {
    let life = Life::new().await;
    let (_, mut tokens) = life.exchange(&life.code().await).await;
    for _ in 0..4 {
        life.clock.advance(DAY * 20);
        tokens = life.refresh(&tokens).await.1;
        assert_eq!(tokens["expires_in"], 600);
    }
    // The last access token ends with it.
    life.clock.advance(DAY * 10 - Duration::from_secs(30));
    let (status, last) = life.refresh(&tokens).await;
    assert_eq!((status.as_u16(), &last["expires_in"]), (200, &30.into()));
    life.clock.advance(Duration::from_secs(30));
    let (status, body) = life.refresh(&last).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &"invalid_grant".into())
    );
}
