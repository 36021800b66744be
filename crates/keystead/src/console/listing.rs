//! What the address of a list asks for: its order, the words looked for, where a page begins.
//!
//! Links of a list keep what the address says already: the next page is of the same search.

use form_urlencoded::Serializer;

use crate::manage::{ByRole, Search};

/// What is asked of one list.
#[derive(Debug)]
pub(super) struct Listing {
    path: &'static str,
    asked: Vec<(String, String)>,
    /// The order if nothing is said.
    usual: &'static str,
}

impl Listing {
    /// Reads a query. Fields other than `q`, `sort`, `cursor` and those in `filters` are left out.
    pub(super) fn of(path: &'static str, filters: &[&str], query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let is_known = |name: &str| OWN.contains(&name) || filters.contains(&name);
        let asked = pairs
            .filter(|(name, value)| is_known(name) && !value.trim().is_empty())
            .map(|(name, value)| (name.into_owned(), printable(value.trim())));
        Self {
            path,
            asked: asked.collect(),
            usual: "newest",
        }
    }

    /// What a field says, if it says anything.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let found = self.asked.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.clone())
    }

    /// What a field says; nothing is the empty text.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.asked.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether a field says this.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.text(name) == value
    }

    /// In which order the list runs, as a word of [`Order`](crate::store::Order).
    pub(super) fn sort(&self) -> &str {
        match self.text("sort") {
            "" => self.usual,
            sort => sort,
        }
    }

    /// The same list, that runs the other way if nothing is said.
    pub(super) fn oldest_first(self) -> Self {
        Self {
            usual: "oldest",
            ..self
        }
    }

    /// Which page of a list of people is asked for.
    pub(super) fn by_role(&self, limit: Option<u16>) -> ByRole {
        ByRole {
            role: self.value("role"),
            sort: self.value("sort"),
            cursor: self.value("cursor"),
            limit,
        }
    }

    /// Which page of which list an act is asked for.
    pub(super) fn search(&self, limit: Option<u16>) -> Search {
        Search {
            limit,
            cursor: self.value("cursor"),
            sort: self.value("sort"),
            q: self.value("q"),
        }
    }

    /// Whether less than everything is asked for.
    pub(super) fn is_narrowed(&self) -> bool {
        let narrows = |name: &str| name != "sort" && name != "cursor";
        self.asked.iter().any(|(name, _)| narrows(name))
    }

    /// The list itself.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// The page after this one.
    pub(super) fn next(&self, cursor: Option<&str>) -> Option<String> {
        cursor.map(|cursor| self.with("", &[("sort", self.sort()), ("cursor", cursor)]))
    }

    /// All pages of it as one file.
    pub(super) fn export(&self, extension: &str) -> String {
        self.with(extension, &[("sort", self.sort())])
    }

    /// An address with what is asked for, but for order and place, and with `more`.
    fn with(&self, extension: &str, more: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in &self.asked {
            if name != "sort" && name != "cursor" {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(more);
        format!("{}{extension}?{}", self.path, query.finish())
    }
}

/// A text that every store can be asked for; nothing has a name with a sign that can't be typed.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// What every list takes.
const OWN: &[&str] = &["q", "sort", "cursor"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_is_looked_for() {
        let query = "q=a%26b&cursor=abc&evil=1&application_id=&done=created";
        let listing = Listing::of("/console/keys", &["application_id"], Some(query));
        assert_eq!(listing.text("q"), "a&b");
        assert_eq!(
            (listing.sort(), listing.value("application_id")),
            ("newest", None)
        );
        assert!(listing.is_narrowed());
        let next = listing.next(Some("def"));
        let expected = "/console/keys?q=a%26b&sort=newest&cursor=def";
        assert_eq!(next.as_deref(), Some(expected));
        assert_eq!(
            listing.export(".csv"),
            "/console/keys.csv?q=a%26b&sort=newest"
        );
        assert_eq!(listing.next(None), None);
        assert!(!Listing::of("/console/keys", &[], Some("sort=name")).is_narrowed());
    }
}
