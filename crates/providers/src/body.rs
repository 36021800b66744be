//! Which bodies an operation takes, told by their content type.

/// The bodies an operation takes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct BodyRule {
    json: bool,
    form: bool,
    multipart: bool,
    binary: bool,
}

/// The type of a body that an operation takes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BodyFormat<'a> {
    /// There is none.
    None,
    /// Held and read before it goes on.
    Json,
    /// Held and read before it goes on.
    Form,
    /// Read while it goes by.
    Multipart {
        /// What separates the parts.
        boundary: &'a str,
    },
    /// Goes by unread: an image, sound, a document.
    Binary,
}

/// The operation takes no body of this content type: 415.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the operation takes no body of this content type")]
pub struct UnsupportedBody;

impl BodyRule {
    /// JSON and nothing else.
    pub const JSON: Self = Self {
        json: true,
        form: false,
        multipart: false,
        binary: false,
    };

    /// Told from the content type; `length` of `None` is a body of unknown length.
    ///
    /// Without a content type a body is read as JSON where the operation takes JSON, which is what
    /// providers do.
    ///
    /// # Errors
    ///
    /// [`UnsupportedBody`] for any other type, and for text that is not UTF-8.
    pub fn format<'a>(
        &self,
        content_type: Option<&'a str>,
        length: Option<u64>,
    ) -> Result<BodyFormat<'a>, UnsupportedBody> {
        if length == Some(0) {
            return Ok(BodyFormat::None);
        }
        let Some(content_type) = content_type else {
            return self.json.then_some(BodyFormat::Json).ok_or(UnsupportedBody);
        };
        let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let essence = essence.trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let is_json = is("application/json") || ends_with(essence, "+json");
        let is_form = is("application/x-www-form-urlencoded");
        let is_multipart = is("multipart/form-data");
        let charset = match parameters {
            "" => None,
            parameters => parameter(parameters, "charset")?,
        };
        let is_utf8 = charset.is_none_or(|name| name.eq_ignore_ascii_case("utf-8"));
        match () {
            () if is_json && self.json && is_utf8 => Ok(BodyFormat::Json),
            () if is_form && self.form && is_utf8 => Ok(BodyFormat::Form),
            () if is_multipart && self.multipart => {
                let boundary = parameter(parameters, "boundary")?.ok_or(UnsupportedBody)?;
                is_boundary(boundary)
                    .then_some(BodyFormat::Multipart { boundary })
                    .ok_or(UnsupportedBody)
            }
            () if !is_json && !is_form && !begins_with(essence, "multipart/") && self.binary => {
                Ok(BodyFormat::Binary)
            }
            () => Err(UnsupportedBody),
        }
    }

    /// Reads the list in a data file: `json`, `form`, `multipart`, `binary`.
    pub(crate) fn parse(names: &[&str]) -> Result<Self, String> {
        let mut rule = Self::default();
        for name in names {
            let flag = match *name {
                "json" => &mut rule.json,
                "form" => &mut rule.form,
                "multipart" => &mut rule.multipart,
                "binary" => &mut rule.binary,
                other => return Err(format!("`{other}` is not a body")),
            };
            *flag = true;
        }
        Ok(rule)
    }

    /// Whether some body goes by while it is read, so that its length may not be known before.
    pub(crate) fn may_stream(self) -> bool {
        self.multipart || self.binary
    }

    /// Whether it takes none at all.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn begins_with(text: &str, name: &str) -> bool {
    let head = text.as_bytes().get(..name.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
}

fn ends_with(text: &str, name: &str) -> bool {
    let tail = text
        .len()
        .checked_sub(name.len())
        .map(|at| &text.as_bytes()[at..]);
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(name.as_bytes()))
}

/// One parameter of a content type; two of one name are refused, since readers differ on them.
fn parameter<'a>(parameters: &'a str, name: &str) -> Result<Option<&'a str>, UnsupportedBody> {
    let mut found = None;
    for parameter in parameters.split(';') {
        let Some((own, value)) = parameter.split_once('=') else {
            continue;
        };
        if !own.trim().eq_ignore_ascii_case(name) {
            continue;
        }
        let value = value.trim();
        let bare = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        if found.replace(bare.unwrap_or(value)).is_some() {
            return Err(UnsupportedBody);
        }
    }
    Ok(found)
}

/// RFC 2046, 5.1.1, without the space and the quote that no client uses.
fn is_boundary(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(known)
}
