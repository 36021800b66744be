//! Path templates, and which one a request's path fits.
//!
//! A template is written as its provider documents it, `/v1/responses/{response}`. A capture takes
//! one whole segment of `[A-Za-z0-9_.:-]`, so nothing a caller writes can reach into the next
//! segment; `**` as last segment takes everything below and stands in rules that deny. Paths come
//! here normalised (the proxy refuses `..`, `//`, `%2f`, `\` and control bytes before), and are
//! compared byte by byte: an odd spelling fits nothing.

use http::Method;

/// One way to call an operation: a method (or any) and a path.
#[derive(Clone, Debug)]
pub struct Route {
    method: Option<Method>,
    template: Template,
}

/// The path of a [`Route`], segment by segment.
#[derive(Clone, Debug)]
struct Template {
    text: &'static str,
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
        let template = Template::parse(path)?;
        Ok(Self { method, template })
    }

    /// The ids captured, when both method and path fit.
    pub(crate) fn fit<'a>(&self, method: &Method, path: &'a str) -> Option<Vec<PathId<'a>>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        self.template.fit(path)
    }

    /// The method, or `None` where any will do.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The path as it is documented.
    pub fn path(&self) -> &'static str {
        self.template.text
    }

    /// The same route with `from` at its head replaced by `to`; `None` if it starts otherwise.
    pub(crate) fn moved(&self, from: &str, to: &str) -> Option<Self> {
        let rest = self.template.text.strip_prefix(from)?;
        let path: &'static str = format!("{to}{rest}").leak();
        Some(Self {
            method: self.method.clone(),
            template: Template::parse(path).ok()?,
        })
    }
}

impl Template {
    fn parse(text: &'static str) -> Result<Self, String> {
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| format!("`{text}` does not start with a slash"))?;
        let segments: Vec<_> = rest.split('/').map(Segment::parse).collect();
        let head = &segments[..segments.len() - 1];
        if head.contains(&Segment::Rest) {
            return Err(format!("`{text}` has `**` before its end"));
        }
        if segments.contains(&Segment::Literal("")) {
            return Err(format!("`{text}` has an empty segment"));
        }
        Ok(Self { text, segments })
    }

    fn fit<'a>(&self, path: &'a str) -> Option<Vec<PathId<'a>>> {
        let mut given = path.strip_prefix('/')?.split('/');
        let mut ids = Vec::new();
        for segment in &self.segments {
            match *segment {
                Segment::Rest => return Some(ids),
                Segment::Literal(own) if given.next()? == own => {}
                Segment::Literal(_) => return None,
                Segment::Capture(kind) => {
                    let id = given.next().filter(|id| is_id(id))?;
                    ids.push(PathId { kind, id });
                }
            }
        }
        given.next().is_none().then_some(ids)
    }
}

impl Segment {
    fn parse(text: &'static str) -> Self {
        if text == "**" {
            return Self::Rest;
        }
        match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            Some(name) => Self::Capture(name),
            None => Self::Literal(text),
        }
    }
}

/// What may stand where a template captures. A run of dots alone is a path step, not an id.
pub(crate) fn is_id(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    !text.is_empty() && text.bytes().all(known) && !text.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(route: &'static str, path: &'static str) -> Option<Vec<(&'static str, &'static str)>> {
        let route = Route::parse(route).unwrap();
        let fit = route.fit(&Method::GET, path)?;
        Some(fit.into_iter().map(|id| (id.kind, id.id)).collect())
    }

    #[test]
    fn a_path_fits_its_template_and_no_other() {
        for (route, path, expected) in [
            ("GET /v1/models", "/v1/models", Some(vec![])),
            ("GET /v1/models", "/v1/models/", None),
            ("GET /v1/models", "/V1/models", None),
            ("GET /v1/models", "v1/models", None),
            ("POST /v1/models", "/v1/models", None),
            (
                "GET /v1/r/{response}",
                "/v1/r/resp_1",
                Some(vec![("response", "resp_1")]),
            ),
            ("GET /v1/r/{response}", "/v1/r/", None),
            ("GET /v1/r/{response}", "/v1/r/a/b", None),
            ("GET /v1/r/{response}", "/v1/r/a%2fb", None),
            ("GET /v1/r/{response}", "/v1/r/..", None),
            (
                "GET /v1/r/{response}/c",
                "/v1/r/a:b/c",
                Some(vec![("response", "a:b")]),
            ),
            (
                "* /v1/organization/**",
                "/v1/organization/a/b",
                Some(vec![]),
            ),
            ("* /v1/organization/**", "/v1/organization", Some(vec![])),
            ("* /v1/organization/**", "/v1/organizations", None),
            ("GET /vision:analyze", "/vision:analyze", Some(vec![])),
        ] {
            assert_eq!(ids(route, path), expected, "{route} on {path}");
        }
    }

    #[test]
    fn a_bad_template_is_refused_with_its_reason() {
        for bad in [
            "/v1/models",
            "GET v1",
            "GET /v1//models",
            "GET /**/models",
            "G ET /v1",
        ] {
            assert!(Route::parse(bad).is_err(), "{bad}");
        }
    }
}
