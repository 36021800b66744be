//! The stand-in provider: the same answers for every proxy, at next to no cost of its own.
//!
//! It insists on the provider's key, so that a proxy which passed the client's token on would fail
//! the measurement rather than win it. What to answer is asked for by the name of the model, the
//! one part of a call that every proxy must leave as it is:
//!
//! | model | answer |
//! |---|---|
//! | `bench-json` | a chat completion of 863 bytes |
//! | `bench-large` | one of a mebibyte |
//! | `bench-stream-N-MS` | `N` events, `MS` milliseconds apart, the first one at once |

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::client::{find, header};
use crate::failed::{Failed, Trying as _};

/// The key a proxy has to put in the token's place.
pub(super) const KEY: &str = "sk-proj-bench0000000000000000000000000000000000000000";

/// Size of a large body in either direction.
pub(super) const LARGE: usize = 1 << 20;

/// Prints the port it listens on, then serves until it is ended.
pub(crate) fn serve() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.trying("a runtime")?.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().trying("a socket")?;
        socket.bind(([127, 0, 0, 1], 0).into()).trying("a port")?;
        let listener = socket.listen(4_096).trying("a port")?;
        let port = listener.local_addr().trying("a port")?.port();
        crate::say::print(port);
        accept(&listener).await
    })
}

async fn accept(listener: &TcpListener) -> Result<(), Failed> {
    let answers: &'static Answers = Box::leak(Box::new(Answers::new()));
    loop {
        let (stream, _) = listener.accept().await.trying("accepting")?;
        stream.set_nodelay(true).trying("accepting")?;
        // A connection ends when its proxy closes it; what it died of is the proxy's to tell.
        tokio::spawn(async move { Exchange::new(stream).run(answers).await.ok() });
    }
}

/// Answers that are the same every time.
struct Answers {
    json: Vec<u8>,
    large: Vec<u8>,
    refusal: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let refusal = "{\"error\":{\"message\":\"not the provider's key\"}}";
        Self {
            json: answer("200 OK", &completion(863)),
            large: answer("200 OK", &completion(LARGE)),
            refusal: answer("401 Unauthorized", refusal),
        }
    }
}

/// A chat completion of so many bytes.
fn completion(size: usize) -> String {
    let head = r#"{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion","created":1763000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":""#;
    let tail = r#"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":42,"total_tokens":61,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_0123456789"}"#;
    let words = "Speed is measured against the plainest thing that could work. "
        .chars()
        .cycle();
    let text: String = words.take(size - head.len() - tail.len()).collect();
    [head, &text, tail].concat()
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         openai-version: 2020-10-01\r\nopenai-processing-ms: 42\r\n\
         x-request-id: req_0123456789abcdef0123456789abcdef\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One connection of a proxy.
struct Exchange {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a request asks for.
enum Wanted {
    Json,
    Large,
    Stream { events: u32, pace: Duration },
    Nothing,
}

impl Exchange {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        }
    }

    async fn run(mut self, answers: &Answers) -> std::io::Result<()> {
        while let Some(wanted) = self.request().await? {
            match wanted {
                Wanted::Json => self.stream.write_all(&answers.json).await?,
                Wanted::Large => self.stream.write_all(&answers.large).await?,
                Wanted::Stream { events, pace } => self.events(events, pace).await?,
                Wanted::Nothing => self.stream.write_all(&answers.refusal).await?,
            }
        }
        Ok(())
    }

    /// Reads one request to its end; `None` when there are no more.
    async fn request(&mut self) -> std::io::Result<Option<Wanted>> {
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
        };
        let length = header(&self.buffer[..head], b"content-length: ");
        let length = length.and_then(|text| std::str::from_utf8(text).ok()?.parse::<usize>().ok());
        let is_whole = |buffer: &[u8]| match length {
            Some(length) => buffer.len() >= head + length,
            None => buffer.ends_with(b"0\r\n\r\n"),
        };
        while !is_whole(&self.buffer) {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
        let wanted = wanted(&self.buffer[..head], &self.buffer[head..]);
        // Idle connections of the other measurements should not hold a large body's memory.
        if self.buffer.capacity() > LARGE {
            self.buffer = Vec::with_capacity(8 * 1024);
        }
        Ok(Some(wanted))
    }

    async fn events(&mut self, events: u32, pace: Duration) -> std::io::Result<()> {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                     transfer-encoding: chunked\r\nopenai-version: 2020-10-01\r\n\
                     x-request-id: req_0123456789abcdef0123456789abcdef\r\n\r\n";
        let mut first = [&head[..], &chunk(EVENT)].concat();
        let event = chunk(EVENT);
        for number in 0..events {
            if number > 0 {
                tokio::time::sleep(pace).await;
            }
            self.stream
                .write_all(if number == 0 { &first } else { &event })
                .await?;
        }
        first.clear();
        first.extend(chunk(LAST));
        first.extend(b"0\r\n\r\n");
        self.stream.write_all(&first).await
    }
}

const EVENT: &str = concat!(
    r#"data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","#,
    r#""created":1763000000,"model":"gpt-4o-mini-2024-07-18","system_fingerprint":"fp_0123456789","#,
    r#""choices":[{"index":0,"delta":{"content":" words"},"logprobs":null,"finish_reason":null}]}"#,
    "\n\n"
);

const LAST: &str = concat!(
    r#"data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","#,
    r#""created":1763000000,"model":"gpt-4o-mini-2024-07-18","choices":[],"usage":{"#,
    r#""prompt_tokens":19,"completion_tokens":42,"total_tokens":61}}"#,
    "\n\ndata: [DONE]\n\n"
);

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn wanted(head: &[u8], body: &[u8]) -> Wanted {
    let is_the_key = header(head, b"authorization: ")
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .is_some_and(|key| key == KEY.as_bytes());
    // The model comes first in the load's requests, so a large body is not searched.
    let Some(model) = find(&body[..body.len().min(1_024)], b"\"bench-") else {
        return Wanted::Nothing;
    };
    let name = body[model + b"\"bench-".len()..]
        .split(|&byte| byte == b'"')
        .next();
    match name.and_then(|name| std::str::from_utf8(name).ok()) {
        _ if !is_the_key => Wanted::Nothing,
        Some("json") => Wanted::Json,
        Some("large") => Wanted::Large,
        Some(name) => stream(name).unwrap_or(Wanted::Nothing),
        None => Wanted::Nothing,
    }
}

/// `stream-N-MS`
fn stream(name: &str) -> Option<Wanted> {
    let (events, pace) = name.strip_prefix("stream-")?.split_once('-')?;
    let pace = Duration::from_millis(pace.parse().ok()?);
    Some(Wanted::Stream {
        events: events.parse().ok()?,
        pace,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_size_they_are_measured_by() {
        for size in [863, LARGE] {
            let text = completion(size);
            assert_eq!(text.len(), size);
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["usage"]["total_tokens"], 61);
        }
    }

    #[test]
    fn only_the_providers_key_opens_anything() {
        let body = br#"{"model":"bench-json"}"#;
        let head = |key: &str| format!("POST / HTTP/1.1\r\nAuthorization: Bearer {key}\r\n\r\n");

        assert!(matches!(wanted(head(KEY).as_bytes(), body), Wanted::Json));
        assert!(matches!(
            wanted(head("kst1_token").as_bytes(), body),
            Wanted::Nothing
        ));
        assert!(matches!(
            wanted(b"POST / HTTP/1.1\r\n\r\n", body),
            Wanted::Nothing
        ));
    }
}
