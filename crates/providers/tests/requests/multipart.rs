//! Multipart bodies, whole and in pieces.

use keystead_providers::{BodyError, BodyFormat, Facts, Progress};
use proptest::prelude::*;

use crate::operation;

const BOUNDARY: &str = "----formdata-undici-093271";

fn part(disposition: &str, value: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
}

fn field(name: &str, value: &str) -> String {
    part(&format!("name=\"{name}\""), value)
}

fn file() -> String {
    part(
        "name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg",
        "ID3\r\n--\r\n-",
    )
}

fn end() -> String {
    format!("--{BOUNDARY}--\r\n")
}

/// After how many bytes it was decided, if before the end, and the facts.
fn read(name: &str, body: &[u8], size: usize) -> Result<(Option<usize>, Facts), BodyError> {
    let mut inspector = operation("openai", name).multipart(BOUNDARY);
    let (mut decided, mut at) = (None, 0);
    for chunk in body.chunks(size) {
        at += chunk.len();
        match inspector.push(chunk)? {
            Progress::Decided(_) => assert_eq!(decided.replace(at), None, "decided twice"),
            Progress::Undecided => assert_eq!(decided, None),
            Progress::Watching => assert!(decided.is_some()),
        }
    }
    Ok((decided, inspector.finish()?))
}

fn refusal(body: &str) -> BodyError {
    let whole = read("audio.transcriptions", body.as_bytes(), body.len().max(1)).expect_err("odd");
    let bytewise = read("audio.transcriptions", body.as_bytes(), 1).expect_err("odd");
    assert_eq!(whole, bytewise, "{}", &body[..body.len().min(300)]);
    whole
}

#[test]
fn a_body_with_the_model_first_streams_from_the_file_on() {
    let head = field("model", "whisper-1") + &field("stream", "true") + &field("prompt", "h\u{e9}");
    let body = head.clone() + &file() + &end();
    let (decided, facts) = read("audio.transcriptions", body.as_bytes(), 1).unwrap();
    assert!(decided.unwrap() > head.len() && decided.unwrap() < head.len() + file().len());
    assert_eq!(facts.model.as_deref(), Some("whisper-1"));
    assert!(facts.stream && facts.unknown_fields.is_empty());
    assert_eq!(facts.input_characters, 2);
}

#[test]
fn a_body_with_the_file_first_is_held_until_its_end() {
    let body = file() + &field("model", "whisper-1") + &field("language", "de") + &end();
    let (decided, facts) = read("audio.transcriptions", body.as_bytes(), 1).unwrap();
    assert_eq!(decided, Some(body.len() - "\r\n".len()));
    assert_eq!(facts.model.as_deref(), Some("whisper-1"));
}

#[test]
fn what_would_change_a_decision_ends_the_request() {
    let decided = field("model", "whisper-1") + &file();
    let late = refusal(&(decided + &field("model", "gpt-4o-transcribe") + &end()));
    assert_eq!(late, BodyError::TooLate { field: "model" });
    let twice = refusal(&(field("model", "a") + &field("model", "a") + &end()));
    assert_eq!(
        twice,
        BodyError::DuplicateMember {
            field: Some("model")
        }
    );
}

/// A call's reservation is made when its file goes on.
#[test]
fn more_images_may_not_be_asked_for_behind_the_file() {
    let edit = |body: &str| {
        let whole = read("images.edits", body.as_bytes(), body.len());
        let bytewise = read("images.edits", body.as_bytes(), 1);
        let images = |read: Result<(_, Facts), _>| read.map(|(_, facts)| facts.images);
        assert_eq!(images(whole.clone()), images(bytewise), "{body}");
        images(whole)
    };
    let decided = field("model", "gpt-image-2") + &file();
    let late = Err(BodyError::TooLate { field: "n" });
    assert_eq!(edit(&(decided.clone() + &field("n", "2") + &end())), late);
    assert_eq!(edit(&(decided + &field("n", "1") + &end())), Ok(1));
    let early = field("n", "4") + &field("model", "gpt-image-2") + &file();
    assert_eq!(edit(&(early + &end())), Ok(4));
    let held = file() + &field("n", "4") + &field("model", "gpt-image-2");
    assert_eq!(edit(&(held + &end())), Ok(4));
}

#[test]
fn what_readers_differ_on_is_refused() {
    let good = field("model", "a");
    let head = |line: &str| format!("--{BOUNDARY}\r\n{line}\r\n\r\nv\r\n");
    for body in [
        String::new(),
        good.clone(),
        format!("preamble\r\n{good}{}", end()),
        format!("\r\n{good}{}", end()),
        format!("{good}{}epilogue", end()),
        format!("{}{}", good.replace("\r\n", "\n"), end()),
        format!("{good}\n--{BOUNDARY}\n{}", end()),
        format!("{}{}", field("prompt", &format!("x--{BOUNDARY}y")), end()),
        format!(
            "{}{}",
            field("prompt", &format!("\r\n--{BOUNDARY} ")),
            end()
        ),
        head("") + &end(),
        head("Content-Type: text/plain") + &end(),
        head("Content-Disposition: attachment; name=\"model\"") + &end(),
        head("Content-Disposition: form-data") + &end(),
        head("Content-Disposition: form-data; name=\"a\"; name=\"model\"") + &end(),
        head("Content-Disposition: form-data; name*=utf-8''model") + &end(),
        head("Content-Disposition: form-data; name=\"mod\\el\"") + &end(),
        head("Content-Disposition: form-data; name=\"a\" ; x=\"model") + &end(),
        head(
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
        ) + &end(),
        head("Content-Disposition: form-data;\r\n name=\"model\"") + &end(),
        head("Content-Disposition : form-data; name=\"model\"") + &end(),
        head("Content-Disposition: form-data; name=\"model\"; filename=\"m\"") + &end(),
        head("Content-Disposition: form-data; name=\"Model\"") + &end(),
        head("Content-Disposition: form-data; name=\"model[]\"") + &end(),
        head("Content-Disposition: form-data; name=\" model\"") + &end(),
        head("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64")
            + &end(),
        head(
            "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-16",
        ) + &end(),
        field("model", &"m".repeat(9_000)) + &end(),
        head(&format!("X: {}", "x".repeat(9_000))),
    ] {
        let refused = refusal(&body);
        assert!(
            matches!(refused, BodyError::MalformedMultipart { .. }),
            "{body}: {refused}"
        );
    }
    let refused = refusal(&(field("stream", "maybe") + &end()));
    assert_eq!(refused, BodyError::WrongType { field: "stream" });
}

#[test]
fn what_clients_really_send_is_read() {
    for disposition in [
        "name=\"model\"",
        "name=model",
        "name=\"model\"\r\nContent-Type: text/plain",
        "name=\"model\"\r\nContent-Type: text/plain; charset=utf-8",
        "name=\"model\"\r\nContent-Transfer-Encoding: 8bit\r\nContent-Length: 1",
    ] {
        let body = part(disposition, "a") + &end();
        let (_, facts) = read("audio.transcriptions", body.as_bytes(), 7).expect(disposition);
        assert_eq!(facts.model.as_deref(), Some("a"), "{disposition}");
    }
    let accented = "name=\"file\"; filename=\"na\u{ef}ve.mp3\"; filename*=UTF-8''na%C3%AFve.mp3";
    let body = field("model", "a") + &part(accented, "x") + end().trim_end();
    assert!(read("audio.transcriptions", body.as_bytes(), 3).is_ok());
}

#[test]
fn a_boundary_is_read_from_the_content_type() {
    let edits = operation("openai", "images.edits");
    for (content_type, expected) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        (
            "Multipart/Form-Data; charset=utf-8; boundary=\"a=b\"",
            Some("a=b"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=\"a b\"", None),
        ("multipart/mixed; boundary=abc", None),
    ] {
        let read = edits.body.format(Some(content_type), None).ok();
        let expected = expected.map(|boundary| BodyFormat::Multipart { boundary });
        assert_eq!(read, expected, "{content_type}");
    }
}

proptest! {
    #[test]
    fn chunks_do_not_matter(
        parts in prop::collection::vec(("[a-z]{1,5}|prompt|language", "[a-z\r\n\u{e9}-]{0,20}", any::<bool>()), 0..5),
        model_at in 0..5_usize,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut body = String::new();
        for (index, (name, value, is_file)) in parts.iter().enumerate() {
            if index == model_at {
                body += &field("model", "m");
            }
            let filename = if *is_file { "; filename=\"f\"" } else { "" };
            body += &part(&format!("name=\"{name}{index}\"{filename}"), value);
        }
        body += &end();
        let whole = read("audio.transcriptions", body.as_bytes(), body.len()).map(|(_, facts)| facts);
        let mut inspector = operation("openai", "audio.transcriptions").multipart(BOUNDARY);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(body.len())).collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().chain([body.len()]) {
            inspector.push(&body.as_bytes()[from..cut]).unwrap();
            from = cut;
        }
        let pieces = inspector.finish();
        prop_assert_eq!(&pieces, &whole);
        let expected = (model_at < parts.len()).then_some("m");
        let read = pieces.unwrap();
        prop_assert_eq!(read.model.as_deref(), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), size in 1..9_usize) {
        let mut body = field("model", "a").into_bytes();
        body.extend(bytes);
        let _ = read("audio.transcriptions", &body, size);
    }
}
