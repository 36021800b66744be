//! The tables and columns that the database has, read from its own catalogue: a backup covers what is
//! there, not what somebody remembered to list.

use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{Backend, Store, StoreError};

/// A table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// Its columns, in their order.
    pub(crate) columns: Vec<Column>,
    /// The columns of its primary key, in the key's order.
    pub(crate) key: Vec<String>,
    /// The tables that its rows refer to, itself aside.
    pub(crate) parents: Vec<String>,
    /// Its column that refers to other rows of its own, if it has one.
    pub(crate) own_parent: Option<String>,
}

/// A column of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) kind: ColumnKind,
}

/// What a column holds; both stores know these three and no others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ColumnKind {
    /// INTEGER or BIGINT.
    Number,
    /// TEXT.
    Text,
    /// BLOB or BYTEA.
    Bytes,
}

impl ColumnKind {
    /// The stable word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }

    /// What SQLite or PostgreSQL calls it; `None` for a type that no migration may use.
    fn of(declared: &str) -> Option<Self> {
        Some(match declared.to_ascii_uppercase().as_str() {
            "INTEGER" | "BIGINT" => Self::Number,
            "TEXT" => Self::Text,
            "BLOB" | "BYTEA" => Self::Bytes,
            _ => return None,
        })
    }
}

impl Table {
    /// The names of its columns.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}

impl Store {
    /// Every table but the list of migrations, each after those that it refers to.
    pub(crate) async fn tables(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<Vec<Table>, StoreError> {
        let catalogue = Catalogue::of(self.0.backend);
        let names: Vec<String> = sqlx::query_scalar(catalogue.tables)
            .fetch_all(&mut *connection)
            .await?;
        let mut tables = Vec::with_capacity(names.len());
        for name in names {
            tables.push(self.table(connection, &catalogue, name).await?);
        }
        Ok(parents_first(tables))
    }

    async fn table(
        &self,
        connection: &mut AnyConnection,
        catalogue: &Catalogue,
        name: String,
    ) -> Result<Table, StoreError> {
        let mut columns = Vec::new();
        for row in sqlx::query(catalogue.columns)
            .bind(&name)
            .fetch_all(&mut *connection)
            .await?
        {
            let (column, declared): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let kind = ColumnKind::of(&declared).ok_or_else(|| StoreError::ForeignColumn {
                table: name.clone(),
                column: column.clone(),
            })?;
            columns.push(Column { name: column, kind });
        }
        let key = sqlx::query_scalar(catalogue.key)
            .bind(&name)
            .fetch_all(&mut *connection)
            .await?;
        let (mut parents, mut own_parent) = (Vec::new(), None);
        for row in sqlx::query(catalogue.parents)
            .bind(&name)
            .fetch_all(&mut *connection)
            .await?
        {
            let (parent, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            match parent == name {
                true => own_parent = Some(column),
                false => parents.push(parent),
            }
        }
        Ok(Table {
            name,
            columns,
            key,
            parents,
            own_parent,
        })
    }

    /// How many rows a table has.
    pub(crate) async fn row_count(
        &self,
        connection: &mut AnyConnection,
        table: &str,
    ) -> Result<u64, StoreError> {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{table}\""));
        let count: i64 = sqlx::query_scalar(count).fetch_one(connection).await?;
        Ok(count.cast_unsigned())
    }
}

/// What one database is asked for its catalogue.
struct Catalogue {
    tables: &'static str,
    columns: &'static str,
    key: &'static str,
    parents: &'static str,
}

impl Catalogue {
    const fn of(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self {
                tables: "SELECT name FROM sqlite_schema WHERE type = 'table'
                     AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations' ORDER BY name",
                columns: "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
                key: "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk",
                parents: "SELECT \"table\", \"from\" FROM pragma_foreign_key_list($1) ORDER BY id",
            },
            Backend::Postgres => Self {
                tables: "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
                     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
                     AND table_name <> '_sqlx_migrations' ORDER BY table_name",
                columns: "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT)
                     FROM information_schema.columns
                     WHERE table_schema = current_schema() AND table_name = $1
                     ORDER BY ordinal_position",
                key: "SELECT CAST(k.column_name AS TEXT)
                     FROM information_schema.table_constraints c
                     JOIN information_schema.key_column_usage k
                         ON k.constraint_name = c.constraint_name
                         AND k.table_schema = c.table_schema AND k.table_name = c.table_name
                     WHERE c.table_schema = current_schema() AND c.table_name = $1
                         AND c.constraint_type = 'PRIMARY KEY'
                     ORDER BY k.ordinal_position",
                parents: "SELECT CAST(p.relname AS TEXT), CAST(a.attname AS TEXT)
                     FROM pg_constraint c
                     JOIN pg_class t ON t.oid = c.conrelid
                     JOIN pg_namespace n ON n.oid = t.relnamespace
                     JOIN pg_class p ON p.oid = c.confrelid
                     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
                     WHERE c.contype = 'f' AND n.nspname = current_schema() AND t.relname = $1
                     ORDER BY c.conname",
            },
        }
    }
}

/// Orders tables so that each comes after those that it refers to. Tables that refer to each other in
/// a circle keep their order, and the database says what it thinks of it.
fn parents_first(mut waiting: Vec<Table>) -> Vec<Table> {
    let mut ordered: Vec<Table> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let waits = |name: &String| waiting.iter().any(|table| table.name == *name);
        let next = waiting
            .iter()
            .position(|table| !table.parents.iter().any(waits))
            .unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, parents: &[&str]) -> Table {
        Table {
            name: name.to_owned(),
            columns: Vec::new(),
            key: Vec::new(),
            parents: parents.iter().map(|&parent| parent.to_owned()).collect(),
            own_parent: None,
        }
    }

    #[test]
    fn a_table_comes_after_those_that_it_refers_to() {
        let ordered = parents_first(vec![
            table("a", &["c", "d"]),
            table("b", &[]),
            table("c", &["d"]),
            table("d", &["b"]),
        ]);
        let names: Vec<_> = ordered.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["b", "d", "c", "a"]);
    }
}
