//! Neutral tasks: one request and one kind of answer, whichever provider does it; and the same
//! stages, limits and books as the proxy's.

mod alt_text;
mod description;
mod errors;
mod image;
mod stages;
mod text;
mod translate;

use serde_json::Value;

use crate::harness::{Reply, Scene};

/// One event of an answer: its name and its data.
type Event = (String, Value);

/// The events of a whole answer, which must be nothing but events and comments.
fn events(text: &str) -> Vec<Event> {
    assert!(text.is_empty() || text.ends_with("\n\n"), "{text:?}");
    let events = text.split_terminator("\n\n");
    let events = events.filter(|event| !event.starts_with(':')).map(|event| {
        let lines: Vec<_> = event.split('\n').collect();
        let [name, data] = lines[..] else {
            panic!("not two lines: {event:?}");
        };
        let name = name.strip_prefix("event: ").expect(event).to_owned();
        let data = data.strip_prefix("data: ").expect(event);
        (name, serde_json::from_str(data).expect(event))
    });
    events.collect()
}

/// The text of an answer, and its last event, which must be the only one of its kind.
fn told(reply: &Reply) -> (String, Event) {
    let mut events = events(&reply.text());
    let last = events.pop().expect("an answer has a last event");
    let deltas = events.iter().filter(|(name, _)| name == "delta");
    let text = deltas.map(|(_, data)| data["text"].as_str().unwrap());
    let text = text.collect();
    let is_end = |(name, _): &Event| name == "done" || name == "error";
    assert!(
        is_end(&last) && !events.iter().any(is_end),
        "{}",
        reply.text()
    );
    (text, last)
}

/// A task's answer that came to its end: its text, and what the last event says.
async fn done(scene: &Scene, body: &Value) -> (String, Value) {
    let reply = scene.client().send(scene.task(body)).await.expect(200);
    let kind = reply.header("content-type");
    assert_eq!(kind, Some("text/event-stream; charset=utf-8"));
    assert_eq!(reply.header("x-keystead-source"), Some("upstream"));
    let (text, (name, data)) = told(&reply);
    assert_eq!(name, "done", "{data}");
    (text, data)
}
