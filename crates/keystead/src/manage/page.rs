//! Lists: `{"data": […], "next_cursor": …, "has_more": …}`, a page at a time.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use crate::store::{Listed, Order, Page, Place, Role};

/// One page as it is answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub data: Vec<T>,
    /// What to ask for the next page with; none on the last.
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
}

/// Which page is wanted: `?limit=&cursor=`.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before; the first page if left out.
    pub cursor: Option<String>,
}

/// Which page is wanted of a list that can be sorted and searched.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// What the rows must have in their names or ids, in upper or lower case.
    pub q: Option<String>,
    /// In which order: `newest` first, which it is if left out, `oldest` first, or by `name`.
    pub sort: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before, which was of the same order; the first page if left
    /// out.
    pub cursor: Option<String>,
}

/// Which page is wanted of a list of people, whose names are sealed: by age alone.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ByRole {
    /// Those of this role: `owner`, `admin`, `developer` or `auditor`.
    pub role: Option<String>,
    /// In which order: `oldest` first, which it is if left out, or `newest` first.
    pub sort: Option<String>,
    /// How many rows at most, from 1 to 200; 50 if left out.
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before, which was of the same order; the first page if left
    /// out.
    pub cursor: Option<String>,
}

impl ByRole {
    /// The role, and the page of a list of people whose ids are of the kind `I`.
    pub(super) fn page<I: FromStr + ToString>(&self) -> Result<(Option<Role>, Page), Problem> {
        let role = self.role.as_deref().map(|word| {
            let known = "must be `owner`, `admin`, `developer` or `auditor`";
            word.parse().map_err(|()| Problem::field("role", known))
        });
        let is_begun = self.cursor.is_some();
        let search = Search {
            sort: match &self.sort {
                Some(word) if word == Order::Name.word() => {
                    return Err(Problem::field("sort", "must be `newest` or `oldest`"));
                }
                None if !is_begun => Some(Order::Oldest.to_string()),
                wanted => wanted.clone(),
            },
            limit: self.limit,
            cursor: self.cursor.clone(),
            q: None,
        };
        Ok((role.transpose()?, search.page::<I>()?))
    }
}

impl Paging {
    /// A page of so many, after that cursor.
    pub fn new(limit: Option<u16>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// How many the caller wants, within bounds.
    pub(super) fn limit(&self) -> Result<u16, Problem> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(Problem::field("limit", format!("must be from 1 to {MOST}"))),
        }
    }

    /// What the page before ended with; nothing begins the list. Lists end their pages with
    /// values of different forms (an id has its kind in it), so that one takes no other's cursor.
    pub(super) fn after<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| Problem::InvalidCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| Problem::InvalidCursor)?;
        let after = text.strip_prefix(MARK).ok_or(Problem::InvalidCursor)?;
        let after = after.parse().map_err(|_| Problem::InvalidCursor)?;
        Ok(Some(after))
    }
}

impl Search {
    /// The page of a list of objects whose ids are of the kind `I`.
    pub(super) fn page<I: FromStr + ToString>(&self) -> Result<Page, Problem> {
        let paging = Paging::new(self.limit, self.cursor.clone());
        let after: Option<After<I>> = paging.after()?;
        let wanted = match &self.sort {
            Some(word) => Some(
                word.parse()
                    .map_err(|()| Problem::field("sort", "must be `newest`, `oldest` or `name`"))?,
            ),
            None => None,
        };
        let begun = after.as_ref().map(|after| after.order);
        let order: Order = wanted.or(begun).unwrap_or_default();
        if begun.is_some_and(|begun| begun != order) {
            return Err(Problem::InvalidCursor);
        }
        let matching = self.q.as_deref().unwrap_or_default().trim();
        if matching.chars().count() > LONGEST_SEARCH || matching.chars().any(char::is_control) {
            let detail = "must have at most 100 characters, none of them a control character";
            return Err(Problem::field("q", detail));
        }
        Ok(Page {
            order,
            matching: matching.to_owned(),
            after: after.map(After::place),
            limit: paging.limit()?,
        })
    }
}

/// What a page of a sorted list ended with: its order, the row's name where that is the order, and
/// its id.
struct After<I> {
    order: Order,
    name: String,
    id: I,
}

impl<I: ToString> After<I> {
    fn place(self) -> Place {
        Place {
            name: self.name,
            id: self.id.to_string(),
        }
    }
}

impl<I: FromStr> FromStr for After<I> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (order, rest) = text.split_once(':').ok_or(())?;
        let order = order.parse()?;
        let (name, id) = match order {
            Order::Name => rest.rsplit_once(':').ok_or(())?,
            Order::Newest | Order::Oldest => ("", rest),
        };
        let is_name = !name.chars().any(char::is_control);
        let id = id.parse().map_err(drop)?;
        is_name
            .then(|| Self {
                order,
                name: name.to_owned(),
                id,
            })
            .ok_or(())
    }
}

impl<T> List<T> {
    /// A page that goes on after `last` if it `has_more`.
    pub(super) fn part(data: Vec<T>, has_more: bool, last: Option<String>) -> Self {
        let last = last.filter(|_| has_more);
        let next_cursor = last.map(|last| URL_SAFE_NO_PAD.encode(format!("{MARK}{last}")));
        Self {
            data,
            next_cursor,
            has_more,
        }
    }

    /// A page that ended at `last`, of a list that was asked for by `page`.
    pub(super) fn sorted(data: Vec<T>, page: &Page, last: Option<Place>) -> Self {
        let has_more = last.is_some();
        let last = last.map(|Place { name, id }| match page.order {
            Order::Name => format!("{}:{name}:{id}", page.order),
            Order::Newest | Order::Oldest => format!("{}:{id}", page.order),
        });
        Self::part(data, has_more, last)
    }

    /// The store's page of a list that runs by age, each row shown by `show` and known by `id`.
    pub(super) fn by_age<R, I: ToString>(
        listed: Listed<R>,
        page: &Page,
        id: impl Fn(&R) -> I,
        show: impl Fn(R) -> T,
    ) -> Self {
        let last = listed.rows.last().filter(|_| listed.has_more);
        let last = last.map(|row| Place {
            name: String::new(),
            id: id(row).to_string(),
        });
        let data = listed.rows.into_iter().map(show).collect();
        Self::sorted(data, page, last)
    }

    /// The store's page, each row shown by `show` and known by `id`.
    pub(super) fn of<R, I: ToString>(
        listed: Listed<R>,
        id: impl Fn(&R) -> I,
        show: impl Fn(R) -> T,
    ) -> Self {
        let last = listed.rows.last().map(|row| id(row).to_string());
        let data = listed.rows.into_iter().map(show).collect();
        Self::part(data, listed.has_more, last)
    }
}

const DEFAULT: u16 = 50;
const MOST: u16 = 200;
/// In characters; longer than any name.
const LONGEST_SEARCH: usize = 100;
/// The cursor is ours to change; the mark tells an old one from garbage.
const MARK: &str = "1:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AddOnId, KeyId};

    const ID: &str = "key_00000000000070008000000000000000";

    fn of(sort: Option<&str>, cursor: Option<&str>) -> Search {
        Search {
            sort: sort.map(ToOwned::to_owned),
            cursor: cursor.map(ToOwned::to_owned),
            ..Search::default()
        }
    }

    #[test]
    fn a_cursor_goes_on_where_the_page_ended() {
        let last = Place {
            name: "a: b".into(),
            id: ID.into(),
        };
        for (sort, name) in [("newest", ""), ("oldest", ""), ("name", "a: b")] {
            let page = of(Some(sort), None).page::<KeyId>().unwrap();
            let list = List::sorted(vec![1, 2], &page, Some(last.clone()));
            let cursor = list.next_cursor.unwrap();
            assert!(!cursor.contains(ID), "it is opaque");
            // The cursor knows its order.
            for sort in [None, Some(sort)] {
                let next = of(sort, Some(&cursor)).page::<KeyId>().unwrap();
                let after = next.after.unwrap();
                assert_eq!((after.name.as_str(), after.id.as_str()), (name, ID));
                assert_eq!(next.order, page.order);
            }
            let other = if sort == "name" { "newest" } else { "name" };
            let page = of(Some(other), Some(&cursor)).page::<KeyId>();
            assert!(matches!(page, Err(Problem::InvalidCursor)), "{other}");
        }
        let page = of(None, None).page::<KeyId>().unwrap();
        assert_eq!(List::sorted(vec![1], &page, None).next_cursor, None);
    }

    #[test]
    fn what_no_list_gave_out_is_refused() {
        let sealed = |text: &str| URL_SAFE_NO_PAD.encode(format!("{MARK}{text}"));
        let of_keys = sealed(&format!("newest:{ID}"));
        let addon = ID.replace("key_", "add_");
        for cursor in [
            ID,
            "",
            "!!",
            &URL_SAFE_NO_PAD.encode(ID),
            &of_keys,
            &sealed(&addon),
            &sealed(&format!("age:{addon}")),
            &sealed(&format!("newest:x:{addon}")),
            &sealed(&format!("name:{addon}")),
            &sealed(&format!("name:\0:{addon}")),
        ] {
            let page = of(None, Some(cursor)).page::<AddOnId>();
            assert!(matches!(page, Err(Problem::InvalidCursor)), "{cursor}");
        }
        let page = of(None, Some(&sealed(&format!("name::{addon}"))));
        assert!(page.page::<AddOnId>().is_ok());
        for limit in [0, 201] {
            let search = Search {
                limit: Some(limit),
                ..Search::default()
            };
            let page = search.page::<KeyId>();
            assert!(matches!(page, Err(Problem::Invalid(_))), "{limit}");
        }
        for q in ["\0", &"a".repeat(101)] {
            let search = Search {
                q: Some(q.to_owned()),
                ..Search::default()
            };
            let page = search.page::<KeyId>();
            assert!(matches!(page, Err(Problem::Invalid(_))), "{q}");
        }
        let page = of(Some("size"), None).page::<KeyId>();
        assert!(matches!(page, Err(Problem::Invalid(_))));
    }
}
