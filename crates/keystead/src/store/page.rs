//! Lists, a page at a time.

/// Which part of a list: what follows an id, and how much of it. Lists run by id, and so by age.
#[derive(Clone, Debug)]
pub struct Page {
    /// The last id of the page before; an empty text begins the list.
    pub after: String,
    /// How many at most.
    pub limit: u16,
}

impl Page {
    /// The beginning of a list.
    pub fn first(limit: u16) -> Self {
        Self {
            after: String::new(),
            limit,
        }
    }

    /// What a query asks for: one more, to see whether anything follows.
    pub(super) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// What is on it.
    pub rows: Vec<T>,
    /// Whether another page follows.
    pub has_more: bool,
}

impl<T> Listed<T> {
    pub(super) fn of(mut rows: Vec<T>, page: &Page) -> Self {
        let has_more = rows.len() > usize::from(page.limit);
        rows.truncate(usize::from(page.limit));
        Self { rows, has_more }
    }
}
