//! Fields as `multipart/form-data` (RFC 7578).

use std::borrow::Cow;

/// The content type and the body of a form.
pub(super) fn encode(fields: &[(&str, Cow<'_, str>)]) -> (String, Vec<u8>) {
    let boundary = boundary(fields);
    let mut body = String::new();
    for (name, value) in fields {
        let head =
            format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.push_str(&head);
        body.push_str(value);
        body.push_str("\r\n");
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    (
        format!("multipart/form-data; boundary={boundary}"),
        body.into_bytes(),
    )
}

/// A text that no value holds. Chance is not needed: the values are known.
fn boundary(fields: &[(&str, Cow<'_, str>)]) -> String {
    let is_free = |boundary: &String| !fields.iter().any(|(_, value)| value.contains(boundary));
    let mut boundaries = (0_u32..).map(|number| format!("keystead-field-{number}-end"));
    boundaries
        .find(is_free)
        .expect("a finite text does not hold every number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_field() {
        let hostile =
            "x\r\n--keystead-field-0-end\r\ncontent-disposition: form-data; name=\"model\"";
        let (kind, body) = encode(&[("prompt", hostile.into()), ("model", "m".into())]);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(kind, "multipart/form-data; boundary=keystead-field-1-end");
        assert_eq!(body.matches("--keystead-field-1-end").count(), 3, "{body}");
        assert!(body.ends_with("name=\"model\"\r\n\r\nm\r\n--keystead-field-1-end--\r\n"));
    }
}
