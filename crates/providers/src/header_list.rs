//! Allow-lists of headers: exact names, and prefixes written with a closing `*`.

use http::HeaderName;

/// Which headers pass. Names that are not on the list do not.
#[derive(Clone, Debug, Default)]
pub struct HeaderList {
    /// Few, so that comparing with each is cheaper than hashing.
    exact: Vec<HeaderName>,
    prefixes: Vec<&'static str>,
}

impl HeaderList {
    /// Whether `name` is on the list. A credential, `cookie`, `host`, and what speaks of a connection or
    /// of where a body ends, never is: the manifest refuses to list them.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.exact.contains(name) || self.has_prefix_of(name.as_str())
    }

    /// The name on the list that is spelt so, whatever the case of its letters.
    pub fn find(&self, text: &str) -> Option<&HeaderName> {
        let mut names = self.exact.iter();
        names.find(|name| name.as_str().eq_ignore_ascii_case(text))
    }

    fn has_prefix_of(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The list as it is written in the data file.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        let exact = self.exact.iter().map(|name| name.as_str().to_owned());
        exact.chain(self.prefixes.iter().map(|prefix| format!("{prefix}*")))
    }

    pub(crate) fn parse(patterns: &[&'static str]) -> Result<Self, String> {
        let mut list = Self::default();
        for pattern in patterns {
            if pattern.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(format!("header `{pattern}` is not in lower case"));
            }
            match pattern.strip_suffix('*') {
                Some(prefix) if prefix.len() < 2 || !prefix.ends_with('-') => {
                    return Err(format!("header `{pattern}` is too wide"));
                }
                Some(prefix) => list.prefixes.push(prefix),
                None => {
                    HeaderName::from_bytes(pattern.as_bytes())
                        .map_err(|_| format!("`{pattern}` is not a header"))?;
                    list.exact.push(HeaderName::from_static(pattern));
                }
            }
        }
        let never = [
            "cookie",
            "set-cookie",
            "host",
            "connection",
            "content-length",
            "expect",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ];
        let credentials = crate::CredentialForm::ALL.map(crate::CredentialForm::header);
        let never = never.into_iter().map(HeaderName::from_static);
        match never.chain(credentials).find(|name| list.contains(name)) {
            Some(name) => Err(format!("header `{name}` may not be on a list")),
            None => Ok(list),
        }
    }
}
