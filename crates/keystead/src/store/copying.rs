//! Rows as they are, whatever their table: what a backup reads and a restore writes. Nothing here
//! knows what a row means, and nothing is opened.

use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _, any::AnyRow, query::Query};

use super::{Store, StoreError, catalogue::*};

/// A value of a row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// How many rows are read at once: few enough to hold, whatever lies in them.
const PAGE: usize = 500;

/// How many values one statement writes at most; both databases take more.
const MOST_VALUES: usize = 2_000;

/// Reads a table from its first row to its last, in the order of its primary key.
#[derive(Debug)]
pub(crate) struct TableReader<'t> {
    table: &'t Table,
    /// Of a table that refers to itself, rows that refer to none come first.
    part: Part,
    after: Option<Vec<Cell>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    All,
    WithoutParent,
    WithParent,
    Over,
}

impl<'t> TableReader<'t> {
    pub(crate) fn new(table: &'t Table) -> Self {
        Self {
            table,
            part: match table.own_parent {
                Some(_) => Part::WithoutParent,
                None => Part::All,
            },
            after: None,
        }
    }

    /// The next rows, each with its values in the order of the table's columns; none when all were
    /// read.
    pub(crate) async fn next(
        &mut self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<Vec<Cell>>, StoreError> {
        while self.part != Part::Over {
            let rows = self.page(connection).await?;
            if let Some(last) = rows.last() {
                self.after = Some(self.key_of(last));
                return Ok(rows);
            }
            self.after = None;
            self.part = match self.part {
                Part::WithoutParent => Part::WithParent,
                _ => Part::Over,
            };
        }
        Ok(Vec::new())
    }

    async fn page(&self, connection: &mut AnyConnection) -> Result<Vec<Vec<Cell>>, StoreError> {
        let key = quoted(self.table.key.iter().map(String::as_str));
        let mut conditions = Vec::new();
        if let Some(parent) = &self.table.own_parent {
            let is = match self.part {
                Part::WithoutParent => "IS NULL",
                _ => "IS NOT NULL",
            };
            conditions.push(format!("\"{parent}\" {is}"));
        }
        if self.after.is_some() {
            let places = places(1, self.table.key.len());
            conditions.push(format!("({key}) > ({places})"));
        }
        let conditions = match conditions.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", conditions.join(" AND ")),
        };
        let text = format!(
            "SELECT {} FROM \"{}\" {conditions} ORDER BY {key} LIMIT {PAGE}",
            quoted(self.table.column_names()),
            self.table.name
        );
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (cell, name) in self.after.iter().flatten().zip(&self.table.key) {
            let column = self.table.columns.iter().find(|one| one.name == *name);
            let kind = column.map_or(ColumnKind::Text, |column| column.kind);
            query = bind(query, cell.clone(), kind);
        }
        let rows = query.fetch_all(connection).await?;
        rows.iter()
            .map(|row| read(row, &self.table.columns))
            .collect()
    }

    fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        let place = |name: &String| self.table.column_names().position(|column| column == name);
        let cells = self.table.key.iter().filter_map(place);
        cells.map(|place| row[place].clone()).collect()
    }
}

impl Store {
    /// Writes rows into a table; each has a value for each of `columns`.
    pub(crate) async fn insert_rows(
        &self,
        connection: &mut AnyConnection,
        table: &str,
        columns: &[Column],
        mut rows: Vec<Vec<Cell>>,
    ) -> Result<(), StoreError> {
        let names = quoted(columns.iter().map(|column| column.name.as_str()));
        let at_once = (MOST_VALUES / columns.len()).max(1);
        while !rows.is_empty() {
            let some: Vec<_> = rows.drain(..at_once.min(rows.len())).collect();
            let values: Vec<_> = (0..some.len())
                .map(|row| format!("({})", places(1 + row * columns.len(), columns.len())))
                .collect();
            let text = format!(
                "INSERT INTO \"{table}\" ({names}) VALUES {}",
                values.join(", ")
            );
            let mut query = sqlx::query(AssertSqlSafe(text));
            for (cell, column) in some
                .into_iter()
                .flat_map(|row| row.into_iter().zip(columns))
            {
                query = bind(query, cell, column.kind);
            }
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

fn read(row: &AnyRow, columns: &[Column]) -> Result<Vec<Cell>, StoreError> {
    let cell = |(place, column): (usize, &Column)| -> Result<Cell, sqlx::Error> {
        Ok(match column.kind {
            ColumnKind::Number => row
                .try_get::<Option<i64>, _>(place)?
                .map_or(Cell::Null, Cell::Number),
            ColumnKind::Text => row
                .try_get::<Option<String>, _>(place)?
                .map_or(Cell::Null, Cell::Text),
            ColumnKind::Bytes => row
                .try_get::<Option<Vec<u8>>, _>(place)?
                .map_or(Cell::Null, Cell::Bytes),
        })
    };
    let cells: Result<_, sqlx::Error> = columns.iter().enumerate().map(cell).collect();
    Ok(cells?)
}

type AnyQuery<'q> = Query<'q, Any, <Any as sqlx::Database>::Arguments>;

/// Binds a value. What is NULL still has its column's type, which PostgreSQL asks for.
fn bind(query: AnyQuery<'_>, cell: Cell, kind: ColumnKind) -> AnyQuery<'_> {
    match (cell, kind) {
        (Cell::Number(number), _) => query.bind(number),
        (Cell::Text(text), _) => query.bind(text),
        (Cell::Bytes(bytes), _) => query.bind(bytes),
        (Cell::Null, ColumnKind::Number) => query.bind(None::<i64>),
        (Cell::Null, ColumnKind::Text) => query.bind(None::<String>),
        (Cell::Null, ColumnKind::Bytes) => query.bind(None::<Vec<u8>>),
    }
}

/// Names as SQL takes them, even one that is a word of its own.
fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let quoted: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

fn places(first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count)
        .map(|place| format!("${place}"))
        .collect();
    places.join(", ")
}
