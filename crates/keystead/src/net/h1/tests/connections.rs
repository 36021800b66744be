//! Connections are kept while both sides may use them again, left where they may not; and TLS is no difference.

use tokio_rustls::TlsAcceptor;

use super::*;
use crate::net::connect::tests::localhost;

#[tokio::test]
async fn a_connection_that_takes_nothing_is_told_from_one_that_breaks() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::POST, Fed::none()).await;
    let server = place.accept().await;
    socket2::SockRef::from(&server.0)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(read(&mut exchange).await, "NothingSent");
}

/// What waits for the end of the round when the connection turns out to be closed, or says something that
/// nobody asked for, is never sent: it can be sent again elsewhere.
#[tokio::test]
async fn what_was_held_is_not_sent_on_a_connection_that_is_left() {
    for last_words in [None, Some(SHORT)] {
        let place = Place::new().await;
        let tasks = tokio::task::LocalSet::new();
        let outbox = place.outbox.clone();
        tasks.spawn_local(async move { outbox.carry().await });
        let test = async {
            let mut exchange = place.send(Method::POST, Fed::none()).await;
            let mut server = place.accept().await;
            match last_words {
                None => server.0.shutdown().await.unwrap(),
                Some(words) => server.says(words).await,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(read(&mut exchange).await, "NothingSent");
            let mut heard = Vec::new();
            let ended = timeout(Duration::from_secs(2), server.0.read_to_end(&mut heard));
            // What it said was not read, so its end may be a reset.
            let _end_or_reset = ended.await.expect("the connection was closed");
            assert_eq!(heard, b"");
        };
        tasks.run_until(test).await;
    }
}

#[tokio::test]
async fn who_leaves_an_exchange_closes_the_connection() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::GET, Fed::none()).await;
    let server = place.answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
    let (head, mut server) = tokio::join!(poll_fn(|cx| exchange.poll_head(cx)), server);
    assert!(head.is_ok());
    drop(exchange);
    assert!(server.is_left().await);
}

#[tokio::test]
async fn an_idle_connection_that_says_anything_is_not_used_again() {
    for last_words in ["", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"] {
        let place = Place::new().await;
        let mut exchange = place.send(Method::GET, Fed::none()).await;
        let server = place.answer(SHORT);
        let (first, mut server) = tokio::join!(read(&mut exchange), server);
        assert_eq!(first, "200 ok");
        match last_words {
            "" => server.0.shutdown().await.unwrap(),
            words => server.says(words).await,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut next = place.send(Method::GET, Fed::none()).await;
        let other = place.answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother");
        let (second, _other) = tokio::join!(read(&mut next), other);
        assert_eq!(second, "200 other");
        assert!(server.is_left().await);
    }
}

#[tokio::test]
async fn an_idle_connection_is_looked_at_whatever_else_the_task_has_done() {
    let place = Place::new().await;
    let mut exchange = place.send(Method::GET, Fed::none()).await;
    let server = place.answer(SHORT);
    let (read, server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "200 ok");
    drop(server);
    tokio::time::sleep(Duration::from_millis(20)).await;
    // The runtime lets a task do so much at a time, and then says that nothing has come.
    let mut next = Box::pin(place.send(Method::GET, Fed::none()));
    let polled = poll_fn(|cx| {
        while tokio::task::coop::has_budget_remaining() {
            let _spent = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
        }
        Poll::Ready(next.as_mut().poll(cx))
    });
    assert!(polled.await.is_pending(), "a new connection is being made");
}

#[tokio::test]
async fn over_tls_it_is_the_same() {
    let (place, acceptor) = over_tls().await;
    let server = async {
        let tcp = place.accept().await.0;
        let mut server = Server(acceptor.accept(tcp).await.unwrap());
        server
            .hears("POST /v1/x HTTP/1.1\r\nhost: a.example\r\n")
            .await;
        server
            .hears(&format!("content-length: 300000\r\n\r\n{LONG}"))
            .await;
        server
            .says(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{LONG}"
            ))
            .await;
        // Tickets of the session came on the way; the connection is quiet all the same.
        server
            .hears("GET /v1/x HTTP/1.1\r\nhost: a.example\r\n\r\n")
            .await;
        server.says("HTTP/1.1 200 OK\r\n\r\nhalf").await;
        // Closed below TLS: nobody said that this was all.
        server.0.into_inner().0.shutdown().await.unwrap();
    };
    let client = async {
        let body = Fed::whole(Some(300_000), &[Some(LONG)]);
        let mut exchange = place.send(Method::POST, body).await;
        let first = read(&mut exchange).await;
        let mut exchange = place.send(Method::GET, Fed::none()).await;
        (first, read(&mut exchange).await)
    };
    let ((first, second), ()) = tokio::join!(client, server);
    assert_eq!(first, format!("200 {LONG}"));
    assert_eq!(second, "200 halfBroken");
}

/// A server with a certificate, and the place that it is at.
async fn over_tls() -> (Place, TlsAcceptor) {
    let (acceptor, certificate) = localhost();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let place = Place::at("https://localhost", roots).await;
    (place, acceptor)
}
