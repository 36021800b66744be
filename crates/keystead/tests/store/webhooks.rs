//! What a webhook does not take is tried again, ever less often, and given up in the end; a private address
//! is not even connected to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use keystead::{
    alerts::{AlertKind, Finding},
    net::{Connector, address::AddressRules},
    store::{Delivery, DeliveryState},
    watch::webhooks,
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    bed::{ACTOR, Bed, Furnished, canary},
    on_both_stores,
};

on_both_stores!(
    what_is_not_taken_is_tried_ever_less_often_and_given_up,
    what_is_taken_is_told_once,
    a_private_address_is_not_connected_to,
);

/// Somebody who is told, and answers as the test says.
struct Receiver {
    url: String,
    status: Arc<AtomicU16>,
    ids: Arc<Mutex<Vec<String>>>,
}

async fn receiver(status: u16) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver {
        url: format!("http://{}/hook", listener.local_addr().unwrap()),
        status: Arc::new(status.into()),
        ids: Arc::default(),
    };
    let (status, ids) = (receiver.status.clone(), receiver.ids.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut heard = String::new();
            while !is_whole(&heard) {
                let mut part = [0; 4_096];
                let length = stream.read(&mut part).await.unwrap();
                assert_ne!(length, 0, "it ended early: {heard}");
                heard += std::str::from_utf8(&part[..length]).unwrap();
            }
            let id = heard
                .lines()
                .find_map(|line| line.strip_prefix("webhook-id: "));
            ids.lock().push(id.unwrap().to_owned());
            let status = status.load(Ordering::Relaxed);
            let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    receiver
}

/// Whether head and body have come.
fn is_whole(heard: &str) -> bool {
    let Some((head, body)) = heard.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.unwrap().parse() == Ok(body.len())
}

fn connector(allow_private: bool) -> Connector {
    let rules = AddressRules {
        allow_private,
        own: Vec::new(),
    };
    Connector::new(rules, Duration::from_secs(5))
}

/// Has an alert opened, and its only delivery.
async fn opened(bed: &Bed, there: &Furnished, url: &str) -> Delivery {
    let made = bed
        .custody
        .add_webhook(ACTOR, there.organization, url.to_owned());
    let (_, secret) = made.await.unwrap();
    canary("webhook_secret", secret.as_str().to_owned(), bed);
    let finding = Finding::new(AlertKind::KeyEchoed, "proxy", &there.key.id);
    bed.store().raise(finding.within(there.organization));
    // Asking for alerts waits until they are written.
    assert_eq!(bed.store().alerts().await.unwrap().len(), 1);
    delivery(bed, there).await
}

async fn delivery(bed: &Bed, there: &Furnished) -> Delivery {
    let mut all = bed.store().deliveries(there.organization, 9).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

async fn what_is_not_taken_is_tried_ever_less_often_and_given_up(bed: Bed) {
    let there = bed.furnish().await;
    let receiver = receiver(500).await;
    opened(&bed, &there, &receiver.url).await;
    let connector = connector(true);
    let mut pauses = Vec::new();
    loop {
        webhooks::tell(&bed.custody, &connector).await.unwrap();
        // Before it is due again nothing is sent.
        webhooks::tell(&bed.custody, &connector).await.unwrap();
        let now = delivery(&bed, &there).await;
        assert_eq!(now.answer, "500");
        assert_eq!(receiver.ids.lock().len(), now.attempts as usize);
        if now.state == DeliveryState::GivenUp {
            break;
        }
        let pause = now.due_at.since(bed.clock.now());
        pauses.push(pause);
        bed.clock.advance(pause);
    }
    assert!(pauses.len() > 10, "{pauses:?}");
    assert!(pauses[0] >= Duration::from_secs(1) && pauses[0] <= Duration::from_secs(2));
    for (before, after) in pauses.iter().zip(&pauses[1..]) {
        // Four times as long each, up to four hours; by chance a quarter longer at most.
        let least = (*before * 4 * 4 / 5).min(Duration::from_secs(4 * 3_600));
        assert!(*after >= least, "{pauses:?}");
    }
    let all: Duration = pauses.iter().sum();
    assert!(all > Duration::from_secs(20 * 3_600), "{all:?}");
    let ids = receiver.ids.lock().clone();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "a receiver takes it once"
    );

    bed.clock.advance(Duration::from_secs(7 * 86_400));
    webhooks::tell(&bed.custody, &connector).await.unwrap();
    assert_eq!(receiver.ids.lock().len(), ids.len(), "it is given up");
    let alerts = bed.store().alerts().await.unwrap();
    let mut kinds: Vec<_> = alerts.iter().map(|alert| alert.kind).collect();
    kinds.sort();
    assert_eq!(kinds, [AlertKind::KeyEchoed, AlertKind::WebhookFailed]);
    let told = bed.store().deliveries(there.organization, 9).await.unwrap();
    assert_eq!(told.len(), 1, "a webhook is not told of its own failure");
}

async fn what_is_taken_is_told_once(bed: Bed) {
    let there = bed.furnish().await;
    let receiver = receiver(503).await;
    let connector = connector(true);
    opened(&bed, &there, &receiver.url).await;
    webhooks::tell(&bed.custody, &connector).await.unwrap();
    receiver.status.store(204, Ordering::Relaxed);
    bed.clock.advance(Duration::from_secs(2));
    webhooks::tell(&bed.custody, &connector).await.unwrap();
    let taken = delivery(&bed, &there).await;
    assert_eq!((taken.state, taken.attempts), (DeliveryState::Taken, 2));
    bed.clock.advance(Duration::from_secs(7 * 86_400));
    webhooks::tell(&bed.custody, &connector).await.unwrap();
    assert_eq!(receiver.ids.lock().len(), 2);
    let alerts = bed.store().alerts().await.unwrap();
    assert_eq!(alerts.len(), 1, "a webhook that takes things is no alert");
}

async fn a_private_address_is_not_connected_to(bed: Bed) {
    let there = bed.furnish().await;
    let receiver = receiver(204).await;
    // By a name as well: it is looked at once it has become an address.
    let name = receiver.url.replace("127.0.0.1", "localhost");
    for url in [receiver.url.clone(), name] {
        opened(&bed, &there, &url).await;
        webhooks::tell(&bed.custody, &connector(false))
            .await
            .unwrap();
        let tried = delivery(&bed, &there).await;
        assert_eq!(tried.answer, "address_refused", "{url}");
        assert_eq!(tried.state, DeliveryState::Waiting, "{url}");
        assert_eq!(receiver.ids.lock().len(), 0, "{url}");
        for webhook in bed.store().webhooks(there.organization).await.unwrap() {
            let removed = bed
                .store()
                .remove_webhook(ACTOR, there.organization, webhook.id);
            removed.await.unwrap();
        }
        bed.behind_its_back("DELETE FROM alerts").await;
    }
}
