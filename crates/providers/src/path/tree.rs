//! All routes of a provider as one tree, walked segment by segment.

use http::Method;
use memchr::memchr;

use super::{PathId, Route, Segment, is_id};

/// The routes of a provider.
#[derive(Debug, Default)]
pub(crate) struct RouteTree {
    nodes: Vec<Node>,
}

/// Where a path ends up: the number its route was added with, and the ids in it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fit<'a> {
    pub(crate) operation: usize,
    pub(crate) ids: Vec<PathId<'a>>,
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(&'static str, usize)>,
    captures: Vec<(&'static str, usize)>,
    /// Routes that end here.
    here: Vec<End>,
    /// Routes that take everything from here on.
    below: Vec<End>,
}

#[derive(Debug)]
struct End {
    method: Option<Method>,
    operation: usize,
    is_denied: bool,
}

/// What a walk has come upon.
#[derive(Debug, Default)]
struct Found<'a> {
    fit: Option<Fit<'a>>,
    /// The operation of a denying route.
    denied: Option<usize>,
}

impl RouteTree {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    pub(crate) fn add(&mut self, route: &Route, operation: usize, is_denied: bool) {
        let end = End {
            method: route.method.clone(),
            operation,
            is_denied,
        };
        let mut at = 0;
        for segment in &route.segments {
            at = match *segment {
                Segment::Rest => return self.nodes[at].below.push(end),
                Segment::Literal(text) => self.child(at, text, |node| &mut node.literals),
                Segment::Capture(name) => self.child(at, name, |node| &mut node.captures),
            };
        }
        self.nodes[at].here.push(end);
    }

    /// The first operation whose route fits, unless a denying route fits as well.
    pub(crate) fn find<'a>(&self, method: &Method, path: &'a str) -> Option<Fit<'a>> {
        let found = self.look_up(method, path);
        found.fit.filter(|_| found.denied.is_none())
    }

    /// The operation of the denying route that fits.
    pub(crate) fn denied(&self, method: &Method, path: &str) -> Option<usize> {
        self.look_up(method, path).denied
    }

    fn look_up<'a>(&self, method: &Method, path: &'a str) -> Found<'a> {
        let mut found = Found::default();
        if let Some(path) = path.strip_prefix('/') {
            self.walk(0, Some(path), method, &mut Vec::new(), &mut found);
        }
        found
    }

    fn walk<'a>(
        &self,
        at: usize,
        path: Option<&'a str>,
        method: &Method,
        ids: &mut Vec<PathId<'a>>,
        found: &mut Found<'a>,
    ) {
        let node = &self.nodes[at];
        found.note(&node.below, method, ids);
        let Some(path) = path else {
            return found.note(&node.here, method, ids);
        };
        let (segment, rest) = match memchr(b'/', path.as_bytes()) {
            Some(end) => (&path[..end], Some(&path[end + 1..])),
            None => (path, None),
        };
        if let Some((_, next)) = node.literals.iter().find(|(text, _)| *text == segment) {
            self.walk(*next, rest, method, ids, found);
        }
        for (kind, next) in node.captures.iter().filter(|_| is_id(segment)) {
            ids.push(PathId { kind, id: segment });
            self.walk(*next, rest, method, ids, found);
            ids.pop();
        }
    }

    fn child(
        &mut self,
        at: usize,
        name: &'static str,
        children: impl Fn(&mut Node) -> &mut Vec<(&'static str, usize)>,
    ) -> usize {
        let known = children(&mut self.nodes[at])
            .iter()
            .find(|(own, _)| *own == name);
        known.map(|(_, child)| *child).unwrap_or_else(|| {
            let child = self.nodes.len();
            self.nodes.push(Node::default());
            children(&mut self.nodes[at]).push((name, child));
            child
        })
    }
}

impl<'a> Found<'a> {
    fn note(&mut self, ends: &[End], method: &Method, ids: &[PathId<'a>]) {
        for end in ends {
            if end.method.as_ref().is_some_and(|own| own != method) {
                continue;
            }
            if end.is_denied {
                self.denied = Some(end.operation);
            }
            if self
                .fit
                .as_ref()
                .is_none_or(|fit| end.operation < fit.operation)
            {
                self.fit = Some(Fit {
                    operation: end.operation,
                    ids: ids.to_vec(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fit<'a>(routes: &[&'static str], path: &'a str) -> Option<Fit<'a>> {
        let mut tree = RouteTree::new();
        for (number, route) in routes.iter().enumerate() {
            tree.add(
                &Route::parse(route).unwrap(),
                number,
                route.starts_with('*'),
            );
        }
        tree.find(&Method::GET, path)
    }

    #[test]
    fn a_path_fits_its_template_and_no_other() {
        for (route, path, expected) in [
            ("GET /v1/models", "/v1/models", Some(vec![])),
            ("GET /v1/models", "/v1/models/", None),
            ("GET /v1/models", "/v1//models", None),
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
            ("GET /v1/r/{response}", "/v1/r/é", None),
            (
                "GET /v1/r/{response}/c",
                "/v1/r/a:b/c",
                Some(vec![("response", "a:b")]),
            ),
            ("GET /vision:analyze", "/vision:analyze", Some(vec![])),
        ] {
            let fit = fit(&[route], path);
            let ids = fit.map(|fit| {
                fit.ids
                    .iter()
                    .map(|id| (id.kind, id.id))
                    .collect::<Vec<_>>()
            });
            assert_eq!(ids, expected, "{route} on {path}");
        }
    }

    #[test]
    fn a_denying_route_wins_over_every_other() {
        let routes = ["GET /v1/{a}/{b}", "* /v1/organization/**", "GET /v1/{c}"];
        for (path, expected) in [
            ("/v1/x/y", Some(0)),
            ("/v1/x", Some(2)),
            ("/v1/organization", None),
            ("/v1/organization/y", None),
            ("/v1/organization/y/z", None),
            ("/v1/organizations/y", Some(0)),
        ] {
            assert_eq!(
                fit(&routes, path).map(|fit| fit.operation),
                expected,
                "{path}"
            );
        }
    }

    #[test]
    fn a_bad_template_is_refused_with_its_reason() {
        for bad in [
            "/v1/models",
            "GET v1",
            "GET /v1//models",
            "GET /**/models",
            "G=T /v1",
        ] {
            assert!(Route::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_captured_id_is_one_whole_segment(path in "/v1/[!-~é]{0,12}(/c)?") {
            if let Some(fit) = fit(&["GET /v1/{id}/c"], &path) {
                let id = fit.ids[0].id;
                prop_assert_eq!(&path, &format!("/v1/{id}/c"));
                prop_assert!(is_id(id));
            }
        }
    }
}
