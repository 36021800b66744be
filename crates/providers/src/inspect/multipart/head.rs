//! The head of one part: its name, and whether it is a file.

use super::{BodyError, malformed};

/// What a part's head says.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) is_file: bool,
    /// No content type, or UTF-8 text.
    pub(super) is_plain_text: bool,
}

impl Head {
    /// Reads the lines between a boundary and the empty line, strictly.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| malformed("a part's head is not UTF-8"))?;
        let mut head = Self {
            is_plain_text: true,
            ..Self::default()
        };
        let mut named = false;
        for line in text.split("\r\n") {
            let (name, value) = line
                .split_once(':')
                .ok_or(malformed("a part's head has an odd line"))?;
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
                return Err(malformed("a part's head has an odd line"));
            }
            let value = value.trim_matches([' ', '\t']);
            match &*name.to_ascii_lowercase() {
                "content-disposition" if std::mem::replace(&mut named, true) => {
                    return Err(malformed("a part has two names"));
                }
                "content-disposition" => head.disposition(value)?,
                "content-type" => head.is_plain_text = is_plain_text(value),
                "content-transfer-encoding" => {
                    let plain = ["binary", "8bit", "7bit"];
                    if !plain.iter().any(|name| value.eq_ignore_ascii_case(name)) {
                        return Err(malformed("a part is encoded"));
                    }
                }
                _ => {}
            }
        }
        if named {
            Ok(head)
        } else {
            Err(malformed("a part has no name"))
        }
    }

    /// `form-data; name="model"; filename="a.png"`.
    fn disposition(&mut self, value: &str) -> Result<(), BodyError> {
        let odd = malformed("a part's name is oddly written");
        let rest = value
            .get(..9)
            .filter(|kind| kind.eq_ignore_ascii_case("form-data"));
        let mut rest = rest.map(|_| &value[9..]).ok_or(odd.clone())?;
        let mut name = None;
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                break;
            }
            let parameter = rest.strip_prefix(';').ok_or(odd.clone())?;
            let (key, after) = parameter.split_once('=').ok_or(odd.clone())?;
            let (value, left) = parameter_value(after).ok_or(odd.clone())?;
            rest = left;
            match &*key.trim_matches([' ', '\t']).to_ascii_lowercase() {
                "name" if name.is_none() => name = Some(value.to_owned()),
                "filename" | "filename*" => self.is_file = true,
                _ => return Err(odd),
            }
        }
        self.name = name.ok_or(odd)?;
        Ok(())
    }
}

/// A quoted text without escapes, or a bare word; and what follows it. Readers differ on
/// backslashes, so there are none.
fn parameter_value(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, rest) = quoted.split_once('"')?;
        return (!value.contains('\\')).then_some((value, rest));
    }
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    (!value.is_empty() && !value.contains(['"', '\\'])).then_some((value, rest))
}

fn is_plain_text(content_type: &str) -> bool {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let parameters = parameters.trim().to_ascii_lowercase();
    let utf8 = ["", "charset=utf-8", "charset=\"utf-8\"", "charset=us-ascii"];
    essence.trim().eq_ignore_ascii_case("text/plain") && utf8.contains(&&*parameters)
}
