//! Answers are read to their end, and what is no answer, or not a whole one, is not taken for it.

use super::*;

#[tokio::test]
async fn an_answer_is_read_to_its_end_and_the_connection_used_again_if_it_may_be() {
    for (answer, read, is_kept) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            true,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200 ", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 ", true),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 1\r\n\r\n!",
            "404 !",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "200 hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            false,
        ),
        (
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "200 hello",
            false,
        ),
        ("HTTP/1.1 101 x\r\nupgrade: x\r\n\r\n", "101 ", false),
        // More than was asked for: an answer to nobody, which the next call must not take for its own.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK",
            "200 hello",
            false,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\nx", "204 ", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nx",
            "200 ",
            false,
        ),
        // Nonsense.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "Malformed(\"it has a length and a transfer coding\")",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz",
            "200 Malformed(\"a chunk has no size\")",
            false,
        ),
        ("SSH-2.0-x\r\n", "Malformed(\"its head is none\")", false),
    ] {
        assert_eq!(
            answered(answer, false, false).await,
            (read.to_owned(), is_kept),
            "{answer:?}"
        );
        let (read_in_bytes, _) = answered(answer, true, false).await;
        assert_eq!(read_in_bytes, read, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_early_is_not_taken_for_whole() {
    for (answer, read) in [
        ("", "Broken"),
        ("HTTP/1.1 200", "Broken"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "Broken"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            "200 hellBroken",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\n",
            "200 heBroken",
        ),
        // Where nothing else says where it ends, the end of the connection does.
        ("HTTP/1.1 200 OK\r\n\r\nhello", "200 hello"),
        ("HTTP/1.1 200 OK\r\n\r\n", "200 "),
    ] {
        for in_bytes in [false, true] {
            assert_eq!(
                answered(answer, in_bytes, true).await,
                (read.to_owned(), false),
                "{answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
    let interim = "HTTP/1.1 103 x\r\n\r\n".repeat(LONGEST_HEAD / 16);
    for answer in [long, interim] {
        let (read, is_kept) = answered(&answer, false, false).await;
        assert_eq!(
            (read.as_str(), is_kept),
            ("Malformed(\"its head is too long\")", false)
        );
    }
}

#[tokio::test]
async fn an_answer_is_not_whole_because_the_request_was_not() {
    let place = Place::new().await;
    let (feed, body) = Fed::new(None);
    feed.send(Some("a")).unwrap();
    let mut exchange = place.send(Method::POST, body).await;
    // Without a length, so that the end of the connection is that of the answer.
    let server = place.answer("HTTP/1.1 200 OK\r\n\r\nhalf");
    let client = async {
        let head = poll_fn(|cx| exchange.poll_head(cx)).await;
        assert!(head.is_ok());
        feed.send(None).unwrap();
        let mut read = Vec::new();
        loop {
            match poll_fn(|cx| exchange.poll_data(cx)).await {
                Some(Ok(bytes)) => read.extend_from_slice(&bytes),
                end => return (read, end),
            }
        }
    };
    let ((read, end), _server) = tokio::join!(client, server);
    assert_eq!(read, b"half");
    assert!(matches!(end, Some(Err(ExchangeError::Broken))), "{end:?}");
}

/// What comes of an answer to a plain request: its status and body, or the error; and whether
/// the connection is used again. The server sends it in one piece, or byte by byte, and then
/// waits, or closes.
async fn answered(answer: &str, in_bytes: bool, closes: bool) -> (String, bool) {
    let place = Place::new().await;
    let mut exchange = place.send(Method::GET, Fed::none()).await;
    let server = async {
        let mut server = place.accept().await;
        server
            .hears("GET /v1/x HTTP/1.1\r\nhost: a.example\r\n\r\n")
            .await;
        let size = if in_bytes { 1 } else { answer.len().max(1) };
        for piece in answer.as_bytes().chunks(size) {
            // A refused answer is closed under the one who gives it.
            let _taken = server.0.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        if closes {
            server.0.shutdown().await.unwrap();
        }
        server
    };
    let (read, mut server) = tokio::join!(read(&mut exchange), server);
    drop(exchange);
    let next = place.send(Method::GET, Fed::none()).await;
    let is_kept = !place.is_dialled().await;
    drop(next);
    if !is_kept {
        assert!(server.is_left().await, "the connection is left open");
    }
    (read, is_kept)
}
