//! Allow-lists of headers: exact names, and prefixes written with a closing `*`.

use http::HeaderName;

/// Which headers pass. Names that are not on the list do not.
#[derive(Clone, Debug, Default)]
pub struct HeaderList {
    /// The short ones first: a name is compared with those of its own length, of which there are few.
    exact: Vec<HeaderName>,
    /// Where each length begins, up to one past the longest.
    begins: Vec<usize>,
    prefixes: Vec<&'static str>,
}

impl HeaderList {
    /// Whether `name` is on the list. A credential, `cookie`, `host`, and what speaks of a connection or
    /// of where a body ends, never is: the manifest refuses to list them.
    pub fn contains(&self, name: &HeaderName) -> bool {
        let text = name.as_str();
        self.as_long_as(text).contains(name) || self.has_prefix_of(text)
    }

    /// The name on the list that is spelt so, whatever the case of its letters.
    pub fn find(&self, text: &str) -> Option<&HeaderName> {
        let names = self.as_long_as(text);
        let spelt_so = names.iter().find(|name| name.as_str() == text);
        // Most are written in small letters, and then that was all.
        let spelt = || {
            let mut names = names.iter();
            names.find(|name| name.as_str().eq_ignore_ascii_case(text))
        };
        spelt_so.or_else(spelt)
    }

    fn as_long_as(&self, text: &str) -> &[HeaderName] {
        match self.begins.get(text.len()..text.len() + 2) {
            Some(&[first, next]) => &self.exact[first..next],
            _ => &[],
        }
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
        list.exact.sort_by_key(|name| name.as_str().len());
        let lengths = || list.exact.iter().map(|name| name.as_str().len());
        let longest = lengths().next_back().unwrap_or(0);
        let begin = |length| lengths().filter(|one| *one < length).count();
        list.begins = (0..=longest + 1).map(begin).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_among_those_of_its_length() {
        let list = HeaderList::parse(&["x-b", "accept", "etag", "x-a", "x-of-us-*"]).unwrap();
        let has = |name: &str| list.contains(&name.parse().unwrap());
        for listed in ["x-a", "x-b", "etag", "accept"] {
            assert!(has(listed), "{listed}");
            let found = list
                .find(&listed.to_ascii_uppercase())
                .map(HeaderName::as_str);
            assert_eq!(found, Some(listed));
        }
        assert!(has("x-of-us-too"));
        for other in ["x", "x-c", "date", "vary", "expect", "accepts", "x-of-us"] {
            assert!(!has(other) && list.find(other).is_none(), "{other}");
        }
        assert!(list.find("").is_none() && HeaderList::default().find("x-a").is_none());
    }
}
