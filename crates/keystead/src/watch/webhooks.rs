//! Tells webhooks, until they take it or a day is over.
//!
//! Signatures are those of Standard Webhooks (standardwebhooks.com, read in November 2026): HMAC-SHA256
//! over `id.timestamp.body`. What is told lies in the store, so it survives a restart; the id stays the
//! same in every attempt, so that a receiver takes it once.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use keystead_providers::{Destination, Scheme};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use url::{Position, Url};

use crate::{
    alerts::{AlertKind, Finding},
    clock::Timestamp,
    custody::Custody,
    net::{
        Connector,
        fetch::{FetchError, fetch},
    },
    store::{Delivery, DeliveryState, StoreError, Webhook},
};

/// Tells what is due, for ever.
pub async fn run(custody: Custody, connector: Connector) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tell(&custody, &connector).await {
            tracing::warn!(%error, "Webhooks could not be told");
        }
    }
}

/// Tells what is due now, and waits for the answers.
///
/// # Errors
///
/// [`StoreError`] when nobody can say what is due.
pub async fn tell(custody: &Custody, connector: &Connector) -> Result<(), StoreError> {
    let mut under_way = JoinSet::new();
    for delivery in custody.store().claim_deliveries(AT_ONCE).await? {
        let (custody, connector) = (custody.clone(), connector.clone());
        under_way.spawn(async move { attempt(&custody, &connector, delivery).await });
    }
    while let Some(ended) = under_way.join_next().await {
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "What a webhook said could not be written down");
        }
    }
    Ok(())
}

async fn attempt(
    custody: &Custody,
    connector: &Connector,
    delivery: Delivery,
) -> Result<(), StoreError> {
    let store = custody.store();
    let all = store.webhooks(delivery.organization).await?;
    let Some(webhook) = all.into_iter().find(|one| one.id == delivery.webhook) else {
        // It was removed while this was under way.
        let (now, given_up) = (store.clock().now(), DeliveryState::GivenUp);
        return store
            .delivery_tried(delivery.id, given_up, now, "removed")
            .await;
    };
    let answer = match post(custody, connector, &webhook, &delivery).await {
        Ok(status) => status,
        Err(word) => word.to_owned(),
    };
    let now = store.clock().now();
    let (state, due_at) = match (answer.starts_with('2'), pause(delivery.attempts)) {
        (true, _) => (DeliveryState::Taken, now),
        (false, Some(pause)) => (DeliveryState::Waiting, now + with_jitter(pause)),
        (false, None) => {
            let finding = Finding::new(AlertKind::WebhookFailed, "webhooks", &webhook.id);
            store.raise(finding.within(webhook.organization));
            (DeliveryState::GivenUp, now)
        }
    };
    store
        .delivery_tried(delivery.id, state, due_at, &answer)
        .await
}

/// One attempt: the status that it was answered with, or a word for why there is none.
async fn post(
    custody: &Custody,
    connector: &Connector,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<String, &'static str> {
    let url: Url = webhook.url.parse().map_err(|_| "malformed")?;
    let destination = Destination {
        scheme: match url.scheme() {
            "https" => Scheme::Https,
            _ => Scheme::Http,
        },
        host: url.host_str().ok_or("malformed")?.to_owned(),
        port: url.port_or_known_default().ok_or("malformed")?,
        prefix: String::new(),
    };
    let secret = custody.webhook_secret(webhook).await;
    let secret = secret.map_err(|error| {
        tracing::error!(%error, "A webhook's secret could not be opened");
        "sealed"
    })?;
    let id = delivery.id.to_string();
    let at = custody.store().clock().now();
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(
            header::HOST,
            &url[Position::BeforeHost..Position::AfterPort],
        )
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            concat!("keystead/", env!("CARGO_PKG_VERSION")),
        )
        .header("webhook-id", &id)
        .header("webhook-timestamp", at.as_secs())
        .header(
            "webhook-signature",
            signature(&secret, &id, at, &delivery.body),
        )
        .body(Full::new(Bytes::from(delivery.body.clone())))
        .map_err(|_| "malformed")?;
    match fetch(connector, &destination, request, PATIENCE).await {
        Ok(answer) => Ok(answer.status.as_str().to_owned()),
        Err(FetchError::Timeout) => Err("timeout"),
        Err(FetchError::Broken(_)) => Err("broken_off"),
        Err(FetchError::Connect(error)) => Err(match error {
            crate::net::ConnectError::Refused(_) => "address_refused",
            crate::net::ConnectError::Tls(_) => "tls",
            _ => "unreachable",
        }),
    }
}

/// `v1,` and the signature of one attempt.
fn signature(secret: &[u8], id: &str, at: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signed = format!("{id}.{}.{body}", at.as_secs());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// How long to wait after so many attempts; `None` when it was tried for a day.
fn pause(attempts: u32) -> Option<Duration> {
    let seconds = 4_u64
        .saturating_pow(attempts.saturating_sub(1))
        .min(4 * 3_600);
    (attempts < MOST_ATTEMPTS).then(|| Duration::from_secs(seconds))
}

/// Up to a quarter more, so that what failed together is not tried together.
fn with_jitter(pause: Duration) -> Duration {
    let [chance] = keystead_vault::random::<1>();
    pause + pause * u32::from(chance) / 1_024
}

const AT_ONCE: u16 = 20;
const PATIENCE: Duration = Duration::from_secs(10);
/// A second, four, sixteen, … four hours: with these a little over a day.
const MOST_ATTEMPTS: u32 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_standard_webhooks_says() {
        // The example of the specification's reference libraries.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_micros(1_614_265_330_000_000);
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn it_is_tried_for_a_day_and_ever_less_often() {
        let pauses: Vec<_> = (1..).map_while(pause).collect();
        assert!(pauses.is_sorted());
        assert_eq!(pauses[0], Duration::from_secs(1));
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_secs(20 * 3_600) && all < Duration::from_secs(36 * 3_600));
        for pause in pauses {
            let with = with_jitter(pause);
            assert!(with >= pause && with <= pause * 5 / 4);
        }
    }
}
