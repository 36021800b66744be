//! Lists: `{"data": […], "next_cursor": …, "has_more": …}`, a page at a time.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use crate::store::{Listed, Order, Page, Place};

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

    /// For a list that runs by ids of the kind `I`.
    pub(super) fn page<I: FromStr + ToString>(&self) -> Result<Page, Problem> {
        let after = self.after::<I>()?;
        Ok(Page {
            order: Order::Oldest,
            matching: String::new(),
            after: after.map(|id| Place {
                name: String::new(),
                id: id.to_string(),
            }),
            limit: self.limit()?,
        })
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
/// The cursor is ours to change; the mark tells an old one from garbage.
const MARK: &str = "1:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AddOnId, KeyId};

    const ID: &str = "key_00000000000070008000000000000000";

    #[test]
    fn a_cursor_goes_on_where_the_page_ended() {
        let list = List::part(vec![1, 2], true, Some(ID.into()));
        let paging = Paging::new(Some(2), list.next_cursor.clone());
        let after = paging.page::<KeyId>().unwrap().after;
        assert_eq!(after.map(|place| place.id).as_deref(), Some(ID));
        assert!(!list.next_cursor.unwrap().contains(ID), "it is opaque");
        assert_eq!(
            List::part(vec![1], false, Some("key_1".into())).next_cursor,
            None
        );
    }

    #[test]
    fn what_no_list_gave_out_is_refused() {
        let of_keys = URL_SAFE_NO_PAD.encode(format!("{MARK}{ID}"));
        for cursor in [ID, "", "!!", &URL_SAFE_NO_PAD.encode(ID), &of_keys] {
            let paging = Paging::new(None, Some(cursor.to_owned()));
            let page = paging.page::<AddOnId>();
            assert!(matches!(page, Err(Problem::InvalidCursor)), "{cursor}");
        }
        for limit in [0, 201] {
            let paging = Paging::new(Some(limit), None);
            let page = paging.page::<KeyId>();
            assert!(matches!(page, Err(Problem::Invalid(_))), "{limit}");
        }
    }
}
