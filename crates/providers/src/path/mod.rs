//! Path templates, and which one a request's path fits.
//!
//! A template is written as its provider documents it, `/v1/responses/{response}`. A capture takes
//! one whole segment of `[A-Za-z0-9_.:-]`, so nothing a caller writes can reach into the next
//! segment; `**` as last segment takes everything below and stands in rules that deny. Paths come
//! here normalised (the proxy refuses `..`, `//`, `%2f`, `\` and control bytes before), and are
//! compared byte by byte: an odd spelling fits nothing.

mod tree;

pub(crate) use tree::RouteTree;

use http::Method;

/// One way to call an operation: a method (or any) and a path.
#[derive(Clone, Debug)]
pub struct Route {
    method: Option<Method>,
    path: &'static str,
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Segment {
    Literal(&'static str),
    Capture(&'static str),
    Rest,
}

/// An id that stood in the path, and the name of its capture: `response` and `resp_0a1b`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PathId<'a> {
    /// What the template calls it.
    pub kind: &'static str,
    /// As it stood in the path.
    pub id: &'a str,
}

impl Route {
    /// Reads `GET /v1/models` or, for any method, `* /v1/organization/**`.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong, for the author of the data file.
    pub(crate) fn parse(text: &'static str) -> Result<Self, String> {
        let (method, path) = text
            .split_once(' ')
            .ok_or_else(|| format!("`{text}` lacks a method"))?;
        let method = match method {
            "*" => None,
            name => Some(
                name.parse()
                    .map_err(|_| format!("`{name}` is not a method"))?,
            ),
        };
        Self::new(method, path)
    }

    fn new(method: Option<Method>, path: &'static str) -> Result<Self, String> {
        let rest = path
            .strip_prefix('/')
            .ok_or_else(|| format!("`{path}` is not a path"))?;
        let segments: Vec<_> = rest.split('/').map(Segment::parse).collect();
        if segments[..segments.len() - 1].contains(&Segment::Rest) {
            return Err(format!("`{path}` has `**` before its end"));
        }
        if segments.contains(&Segment::Literal("")) {
            return Err(format!("`{path}` has an empty segment"));
        }
        Ok(Self {
            method,
            path,
            segments,
        })
    }

    /// The method, or `None` where any will do.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The path as it is documented.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The same route with `from` at its head replaced by `to`; `None` if it starts otherwise.
    pub(crate) fn moved(&self, from: &str, to: &str) -> Option<Self> {
        let rest = self.path.strip_prefix(from)?;
        Self::new(self.method.clone(), format!("{to}{rest}").leak()).ok()
    }
}

impl Segment {
    fn parse(text: &'static str) -> Self {
        match text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
        {
            Some(name) => Self::Capture(name),
            None if text == "**" => Self::Rest,
            None => Self::Literal(text),
        }
    }
}

/// What may stand where a template captures. A run of dots alone is a path step, not an id.
pub(crate) fn is_id(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    !text.is_empty() && text.bytes().all(known) && !text.bytes().all(|byte| byte == b'.')
}
