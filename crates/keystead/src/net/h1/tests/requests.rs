//! Requests go out as they are announced, while they come and while the answer does.

use super::*;

#[tokio::test]
async fn a_body_goes_out_as_it_is_announced() {
    let long = &LONG[..40_000];
    let begin = "POST /v1/x HTTP/1.1\r\nhost: a.example\r\n";
    for (body, heard) in [
        (Fed::none(), "content-length: 0\r\n\r\n".to_owned()),
        (
            Fed::whole(Some(3), &[Some("abc")]),
            "content-length: 3\r\n\r\nabc".to_owned(),
        ),
        (
            Fed::whole(Some(40_000), &[Some(long)]),
            format!("content-length: 40000\r\n\r\n{long}"),
        ),
        (
            Fed::whole(None, &[Some("abc"), Some(""), Some("0123456789abcdef")]),
            "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
                .to_owned(),
        ),
        (
            Fed::whole(None, &[]),
            "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
        ),
    ] {
        let place = Place::new().await;
        let mut exchange = place.send(Method::POST, body).await;
        let server = async {
            let mut server = place.accept().await;
            server.hears(begin).await;
            server.hears(&heard).await;
            server.says(SHORT).await;
            server
        };
        let (first, mut server) = tokio::join!(read(&mut exchange), server);
        assert_eq!(first, "200 ok", "{heard}");
        // The next request comes on the same connection.
        let mut next = place.send(Method::GET, Fed::none()).await;
        let server = async {
            server.hears("GET /v1/x HTTP/1.1\r\n").await;
            server.says(SHORT).await;
        };
        assert_eq!(tokio::join!(read(&mut next), server).0, "200 ok");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_whole_to_the_provider() {
    for (announced, pieces) in [
        (None, &[Some("abc"), None][..]),
        (None, &[None]),
        (Some(6), &[Some("abc"), None]),
        (Some(6), &[Some("abc")]),
        (Some(6), &[Some("abc"), Some("defg")]),
        (Some(0), &[Some("a")]),
    ] {
        let place = Place::new().await;
        let mut exchange = place
            .send(Method::POST, Fed::whole(announced, pieces))
            .await;
        let server = async {
            let mut server = place.accept().await;
            let mut heard = String::new();
            // Closed with something unsent it may end in a reset.
            let _ended = server.0.read_to_string(&mut heard).await;
            heard
        };
        let client = async {
            let read = read(&mut exchange).await;
            drop(exchange);
            read
        };
        let (read, heard) = tokio::join!(client, server);
        assert!(read == "Broken" || read == "NothingSent", "{read}");
        assert!(!heard.ends_with("0\r\n\r\n") || heard.is_empty(), "{heard}");
        assert!(
            !heard.contains("defg") && !heard.ends_with("\r\n\r\na"),
            "{heard}"
        );
    }
}

#[tokio::test]
async fn a_body_goes_on_while_it_comes_and_while_the_answer_does() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(None);
    let mut exchange = place.send(Method::POST, body).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .hears("POST /v1/x HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        feed.send(Some("a")).unwrap();
        server.hears("1\r\na\r\n").await;
        server
            .says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
            .await;
        feed.send(Some("b")).unwrap();
        server.hears("1\r\nb\r\n").await;
        drop(feed);
        server.hears("0\r\n\r\n").await;
        server.says("k").await;
        server
    };
    let (read, _server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "200 ok");
    drop(place.send(Method::GET, Fed::none()).await);
    assert!(
        !place.is_dialled().await,
        "sent and answered whole, the connection is kept"
    );
}

#[tokio::test]
async fn an_answer_before_the_body_is_over_is_heard_and_the_connection_left() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(Some(6));
    feed.send(Some("abc")).unwrap();
    let mut exchange = place.send(Method::POST, body).await;
    let server = place.answer("HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno");
    let (read, mut server) = tokio::join!(read(&mut exchange), server);
    assert_eq!(read, "413 no");
    assert!(server.is_left().await);
    drop(feed);
}
