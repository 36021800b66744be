//! Lists, a page at a time, in the order that a reader asks for.

use std::{fmt, str::FromStr};

use sqlx::AssertSqlSafe;

use super::{AuthorityRow, Store, StoreError};
use crate::ids::OrganizationId;

/// Which part of a list: what follows a row, and how much of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// In which order the list runs.
    pub order: Order,
    /// What the rows must have in their names or ids; an empty text lets all through.
    pub matching: String,
    /// The last row of the page before; nothing begins the list.
    pub after: Option<Place>,
    /// How many at most.
    pub limit: u16,
}

/// In which order a list runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// What was made last comes first.
    #[default]
    Newest,
    /// What was made first comes first.
    Oldest,
    /// By the name that people know it by, whatever its case.
    Name,
}

/// Where a row is in a list, whichever order that runs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The row's name; without meaning in a list that runs by age.
    pub name: String,
    /// The row's id, and so its age.
    pub id: String,
}

/// A row that has a place in lists.
pub trait Placed {
    /// Where it is.
    fn place(&self) -> Place;
}

/// A row of authority that lists show.
pub(super) trait ListRow: AuthorityRow + Placed {
    /// The column that people know it by.
    const NAME: &'static str;
    /// The columns that a search looks through.
    const SEARCHED: &'static [&'static str];
}

impl Page {
    /// The beginning of a list, newest first.
    pub fn first(limit: u16) -> Self {
        Self {
            order: Order::default(),
            matching: String::new(),
            after: None,
            limit,
        }
    }

    /// The id that the page before ended with; the empty text begins the list.
    pub(super) fn after_id(&self) -> String {
        self.after
            .as_ref()
            .map(|place| place.id.clone())
            .unwrap_or_default()
    }

    /// What a query asks for: one more, to see whether anything follows.
    pub(super) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

impl Order {
    /// The order as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Name => "name",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let all = [Self::Newest, Self::Oldest, Self::Name];
        all.into_iter().find(|order| order.word() == word).ok_or(())
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

impl<T: Placed> Listed<T> {
    /// Where the next page begins, if one follows.
    pub fn next(&self) -> Option<Place> {
        let last = self.rows.last().filter(|_| self.has_more);
        last.map(T::place)
    }
}

impl Store {
    /// The rows of which each column in `scope` has its value.
    pub(super) async fn list<T: ListRow>(
        &self,
        scope: &[(&'static str, String)],
        page: &Page,
    ) -> Result<Listed<T>, StoreError> {
        let (rest, values) = question::<T>(scope, page);
        let (columns, table) = (T::COLUMNS, T::TABLE);
        let text = format!("SELECT {columns}, mac FROM {table} {rest}");
        let mut query = sqlx::query(AssertSqlSafe(text));
        for value in values {
            query = query.bind(value);
        }
        let rows = query.bind(page.fetch()).fetch_all(&self.0.read).await?;
        let rows = rows
            .iter()
            .map(|row| self.checked(row))
            .collect::<Result<_, _>>()?;
        Ok(Listed::of(rows, page))
    }

    /// An organization's rows with these ids, in no order. There may be none of an id.
    pub(super) async fn with_ids<T: AuthorityRow>(
        &self,
        organization: OrganizationId,
        ids: &[impl ToString],
    ) -> Result<Vec<T>, StoreError> {
        let (columns, table) = (T::COLUMNS, T::TABLE);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            let places: Vec<_> = (2..ids.len() + 2)
                .map(|place| format!("${place}"))
                .collect();
            let mut query = sqlx::query(AssertSqlSafe(format!(
                "SELECT {columns}, mac FROM {table} WHERE organization_id = $1 AND id IN ({})",
                places.join(", ")
            )))
            .bind(organization.to_string());
            for id in ids {
                query = query.bind(id.to_string());
            }
            for row in &query.fetch_all(&self.0.read).await? {
                found.push(self.checked(row)?);
            }
        }
        Ok(found)
    }
}

/// How many ids a query asks for.
const IDS: usize = 100;

/// What follows the table's name, and the values that it counts, but for the last: how many rows.
fn question<T: ListRow>(scope: &[(&'static str, String)], page: &Page) -> (String, Vec<String>) {
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    let mut count = |value: String| {
        values.push(value);
        values.len()
    };
    for (column, value) in scope {
        conditions.push(format!("{column} = ${}", count(value.clone())));
    }
    if !page.matching.is_empty() {
        let pattern = count(pattern(&page.matching));
        let found = |column| format!(r"lower({column}) LIKE lower(${pattern}) ESCAPE '\'");
        let found: Vec<_> = T::SEARCHED.iter().map(found).collect();
        conditions.push(format!("({})", found.join(" OR ")));
    }
    let name = T::NAME;
    if let Some(Place { name: at, id }) = page.after.clone() {
        conditions.push(match page.order {
            Order::Newest => format!("id < ${}", count(id)),
            Order::Oldest => format!("id > ${}", count(id)),
            Order::Name => {
                let (at, id) = (count(at), count(id));
                format!("(lower({name}), id) > (lower(${at}), ${id})")
            }
        });
    }
    let order = match page.order {
        Order::Newest => "id DESC".to_owned(),
        Order::Oldest => "id".to_owned(),
        Order::Name => format!("lower({name}), id"),
    };
    let (conditions, limit) = (conditions.join(" AND "), values.len() + 1);
    (
        format!("WHERE {conditions} ORDER BY {order} LIMIT ${limit}"),
        values,
    )
}

/// What `LIKE` finds a text by, wherever it stands: its own signs mean themselves.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "%"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Application;

    fn asked(order: Order, matching: &str, after: Option<(&str, &str)>) -> (String, Vec<String>) {
        let page = Page {
            order,
            matching: matching.to_owned(),
            after: after.map(|(name, id)| Place {
                name: name.to_owned(),
                id: id.to_owned(),
            }),
            limit: 2,
        };
        question::<Application>(&[("organization_id", "org_1".to_owned())], &page)
    }

    #[test]
    fn a_page_begins_after_the_last_row_of_the_one_before() {
        let (newest, values) = asked(Order::Newest, "", None);
        assert_eq!(
            newest,
            "WHERE organization_id = $1 ORDER BY id DESC LIMIT $2"
        );
        assert_eq!(values, ["org_1"]);

        let (named, values) = asked(Order::Name, "", Some(("Letterbox", "app_1")));
        assert_eq!(
            named,
            "WHERE organization_id = $1 AND (lower(name), id) > (lower($2), $3) \
             ORDER BY lower(name), id LIMIT $4"
        );
        assert_eq!(values, ["org_1", "Letterbox", "app_1"]);
    }

    #[test]
    fn what_is_looked_for_means_itself() {
        let (found, values) = asked(Order::Oldest, r"50%_\", Some(("", "app_1")));
        assert_eq!(
            found,
            r"WHERE organization_id = $1 AND (lower(name) LIKE lower($2) ESCAPE '\' OR lower(client_id) LIKE lower($2) ESCAPE '\') AND id > $3 ORDER BY id LIMIT $4"
        );
        assert_eq!(values, ["org_1", r"%50\%\_\\%", "app_1"]);
    }

    #[test]
    fn an_order_is_a_word() {
        for order in [Order::Newest, Order::Oldest, Order::Name] {
            assert_eq!(order.word().parse(), Ok(order));
        }
        assert_eq!("id; DROP".parse::<Order>(), Err(()));
    }
}
