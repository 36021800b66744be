//! From rows to values: columns are read in order, and a row of authority with its MAC.

use std::str::FromStr;

use keystead_vault::Canonical;
use sqlx::{Any, AssertSqlSafe, Decode, Row as _, Type, any::AnyRow};

use super::{Store, StoreError};
use crate::{clock::Timestamp, limits::RowLimits};

/// A value that a row of authority is read into.
pub(crate) trait AuthorityRow: Sized {
    /// The table it lies in.
    const TABLE: &'static str;
    /// Its columns, the id first, in the order in which [`read`](Self::read) takes them; without
    /// the MAC, which every such table has beside them.
    const COLUMNS: &'static str;

    /// Takes the columns off a row.
    fn read(columns: &mut Columns<'_>) -> Result<Self, Unfit>;

    /// Which version of the row this is: the first is 1.
    fn row_version(&self) -> i64;

    /// What the row's MAC covers: [`covered`] with every field that says who may do what.
    fn covered(&self) -> Canonical;
}

/// The beginning of what a row's MAC covers: table, tenant (empty for what has none), id and row
/// version; the fields follow.
pub(crate) fn covered(
    table: &str,
    tenant: &impl ToString,
    id: &impl ToString,
    row_version: i64,
) -> Canonical {
    Canonical::new("keystead/row/v1")
        .text(table)
        .text(&tenant.to_string())
        .text(&id.to_string())
        .number(row_version)
}

/// A row's limits come last in what its MAC covers, and only if it has any: rows from before there
/// were limits keep their MACs.
pub(super) fn with_limits(row: Canonical, limits: &RowLimits) -> Canonical {
    match limits.to_column() {
        text if text.is_empty() => row,
        text => row.text(&text),
    }
}

/// That a row is suspended comes last in what its MAC covers, and only if it is.
pub(super) fn with_suspension(row: Canonical, suspended: bool) -> Canonical {
    match suspended {
        true => row.text("suspended"),
        false => row,
    }
}

/// `SELECT` of a row of authority and its MAC, with what follows the table's name.
pub(crate) fn select<T: AuthorityRow>(rest: &'static str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT {}, mac FROM {} {rest}",
        T::COLUMNS,
        T::TABLE
    ))
}

/// The columns of a row of authority and its MAC, of the table that a join calls `alias`.
pub(super) fn qualified<T: AuthorityRow>(alias: &str) -> String {
    let names = T::COLUMNS.split(',').map(str::trim).chain(["mac"]);
    names
        .map(|name| format!("{alias}.{name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Store {
    /// Reads a row of authority and checks its MAC.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tampered`] when it does not fit; an alert is raised.
    pub(crate) fn checked<T: AuthorityRow>(&self, row: &AnyRow) -> Result<T, StoreError> {
        self.checked_next(&mut Columns::of(row))
    }

    /// As [`checked`](Self::checked), for a row in which several lie side by side.
    pub(super) fn checked_next<T: AuthorityRow>(
        &self,
        columns: &mut Columns<'_>,
    ) -> Result<T, StoreError> {
        let mac = self.row_mac()?;
        let id = columns.id();
        let genuine = T::read(columns)
            .and_then(|value| columns.bytes().map(|tag| (value, tag)))
            .ok()
            .filter(|(value, tag)| mac.verify(&value.covered(), tag));
        match genuine {
            Some((value, _)) => Ok(value),
            None => Err(self.tampered(T::TABLE, id)),
        }
    }

    /// As [`checked_next`](Self::checked_next), for a row that an outer join may not have found.
    pub(super) fn checked_if_there<T: AuthorityRow>(
        &self,
        columns: &mut Columns<'_>,
    ) -> Result<Option<T>, StoreError> {
        if columns.next_is_null() {
            columns.skip(T::COLUMNS.split(',').count() + 1);
            return Ok(None);
        }
        self.checked_next(columns).map(Some)
    }
}

/// A column that does not hold what Keystead writes there.
#[derive(Debug)]
pub(crate) struct Unfit;

/// The columns of one row, taken in order.
pub(crate) struct Columns<'r> {
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r AnyRow) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn text(&mut self) -> Result<String, Unfit> {
        self.take()
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, Unfit> {
        self.take()
    }

    pub(crate) fn number(&mut self) -> Result<i64, Unfit> {
        self.take()
    }

    pub(crate) fn optional_number(&mut self) -> Result<Option<i64>, Unfit> {
        self.take()
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Unfit> {
        self.take()
    }

    pub(crate) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, Unfit> {
        self.take()
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Unfit> {
        match self.number()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unfit),
        }
    }

    /// What is in force (0), ended (1) or suspended (2): whether it is refused.
    pub(crate) fn ended(&mut self) -> Result<bool, Unfit> {
        match self.number()? {
            0 => Ok(false),
            1 | 2 => Ok(true),
            _ => Err(Unfit),
        }
    }

    /// Whether the next column, which [`ended`](Self::ended) takes, says suspended.
    pub(crate) fn is_suspended(&self) -> Result<bool, Unfit> {
        let state: i64 = self.row.try_get(self.next).map_err(|_| Unfit)?;
        Ok(state == 2)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Unfit> {
        self.number().map(Timestamp::from_micros)
    }

    pub(crate) fn optional_time(&mut self) -> Result<Option<Timestamp>, Unfit> {
        Ok(self.optional_number()?.map(Timestamp::from_micros))
    }

    /// A number that is never negative: versions, ports, sizes.
    pub(crate) fn count<T: TryFrom<i64>>(&mut self) -> Result<T, Unfit> {
        self.number()?.try_into().map_err(|_| Unfit)
    }

    /// 32 bytes: a hash, a subject.
    pub(crate) fn hash(&mut self) -> Result<[u8; 32], Unfit> {
        self.bytes()?.try_into().map_err(|_| Unfit)
    }

    pub(crate) fn optional_hash(&mut self) -> Result<Option<[u8; 32]>, Unfit> {
        let bytes = self.optional_bytes()?;
        bytes
            .map(|bytes| bytes.try_into().map_err(|_| Unfit))
            .transpose()
    }

    /// A text that is an id, a handle, a word.
    pub(crate) fn parsed<T: FromStr>(&mut self) -> Result<T, Unfit> {
        self.text()?.parse().map_err(|_| Unfit)
    }

    pub(crate) fn optional_parsed<T: FromStr>(&mut self) -> Result<Option<T>, Unfit> {
        self.optional_text()?
            .map(|text| text.parse().map_err(|_| Unfit))
            .transpose()
    }

    /// A JSON list of texts, each of which is a `T`.
    pub(crate) fn list<T: FromStr>(&mut self) -> Result<Vec<T>, Unfit> {
        let texts: Vec<String> = serde_json::from_str(&self.text()?).map_err(|_| Unfit)?;
        texts
            .iter()
            .map(|text| text.parse().map_err(|_| Unfit))
            .collect()
    }

    /// The rules that a row carries.
    pub(crate) fn limits(&mut self) -> Result<RowLimits, Unfit> {
        RowLimits::of_column(&self.text()?).ok_or(Unfit)
    }

    fn skip(&mut self, count: usize) {
        self.next += count;
    }

    /// Whether the next column is NULL: the row that an outer join did not find.
    pub(super) fn next_is_null(&self) -> bool {
        matches!(self.row.try_get::<Option<String>, _>(self.next), Ok(None))
    }

    /// The row's id, which the next column holds, for an error's text. Whoever edited the row
    /// may have edited this too, so only what an id may look like is repeated.
    pub(crate) fn id(&self) -> String {
        let number = || {
            self.row
                .try_get::<i64, _>(self.next)
                .map(|number| number.to_string())
        };
        let id: String = self
            .row
            .try_get(self.next)
            .or_else(|_| number())
            .unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match !id.is_empty() && id.len() <= 64 && id.bytes().all(plain) {
            true => id,
            false => "?".to_owned(),
        }
    }

    fn take<T>(&mut self) -> Result<T, Unfit>
    where
        T: for<'a> Decode<'a, Any> + Type<Any>,
    {
        let value = self.row.try_get(self.next).map_err(|_| Unfit)?;
        self.next += 1;
        Ok(value)
    }
}

/// A list as its column holds it.
pub(super) fn json_list<T: ToString>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    serde_json::to_string(&texts).expect("a list of texts is JSON")
}
