//! Many rows at once.

#[cfg(any(feature = "sqlite", feature = "mysql"))]
use super::dialect::Dialect;
use super::table::Table;
use super::value::SqlValue;

/// Rows to be written to one table, each with a value for every column.
#[derive(Debug, Clone)]
pub struct Write {
    pub(crate) table: &'static Table,
    pub(crate) mode: Mode,
    pub(crate) rows: Vec<Vec<SqlValue>>,
}

/// What is done with a row whose key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All rows are new; one that is there fails the whole as a conflict.
    Insert,
    /// All rows are there with the revision before theirs; one that is not fails the whole as a conflict. The last column is the
    /// revision.
    Replace,
    /// Rows that are there are replaced.
    Upsert,
}

impl Write {
    pub(crate) fn insert(table: &'static Table, rows: Vec<Vec<SqlValue>>) -> Self {
        Self { table, mode: Mode::Insert, rows }
    }

    pub(crate) fn replace(table: &'static Table, rows: Vec<Vec<SqlValue>>) -> Self {
        Self { table, mode: Mode::Replace, rows }
    }

    pub(crate) fn upsert(table: &'static Table, rows: Vec<Vec<SqlValue>>) -> Self {
        Self { table, mode: Mode::Upsert, rows }
    }

    /// The statement that writes one row, or several of them in one where there is no revision to look at.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(crate) fn statement(&self, dialect: Dialect, rows: usize) -> String {
        let table = self.table;
        let names = table.names();
        let marks = format!("({})", vec!["?"; names.len()].join(", "));
        let insert = format!(
            "INSERT INTO {} ({}) VALUES {}",
            table.name,
            names.join(", "),
            vec![marks; rows].join(", ")
        );
        match self.mode {
            Mode::Insert => insert,
            // An upsert looks for the row's place twice, this once.
            Mode::Upsert if dialect == Dialect::Sqlite && table.is_plain() => {
                insert.replacen("INSERT", "INSERT OR REPLACE", 1)
            }
            Mode::Upsert => insert + &dialect.or_replace(table.key, &table.rest()),
            Mode::Replace => {
                let set =
                    table.rest().iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(", ");
                let key =
                    table.key.iter().map(|name| format!("{name} = ?")).collect::<Vec<_>>().join(" AND ");
                format!("UPDATE {} SET {set} WHERE {key} AND revision = ?", table.name)
            }
        }
    }
}

/// Rows to be read by their keys.
#[derive(Debug, Clone)]
pub struct Keyed {
    pub(crate) table: &'static Table,
    pub(crate) columns: &'static str,
    /// The columns that are equal for all rows, and their values.
    pub(crate) within: Vec<(&'static str, SqlValue)>,
    /// The column that the keys are of.
    pub(crate) column: &'static str,
    pub(crate) keys: Vec<String>,
    /// Whether the rows stay as they are until the transaction ends.
    #[cfg_attr(not(any(feature = "postgres", feature = "mysql")), expect(dead_code))]
    pub(crate) lock: bool,
}

impl Keyed {
    /// The condition on the columns that are equal for all rows.
    pub(crate) fn condition(&self) -> String {
        match self.within.is_empty() {
            true => "1 = 1".to_owned(),
            false => self
                .within
                .iter()
                .map(|(column, _)| format!("{column} = ?"))
                .collect::<Vec<_>>()
                .join(" AND "),
        }
    }

    pub(crate) fn fixed(&self) -> Vec<SqlValue> {
        self.within.iter().map(|(_, value)| value.clone()).collect()
    }
}

/// Where revision or key did not allow it.
pub(crate) fn moved_on(table: &Table) -> String {
    format!("a row of {} was changed, or made, by another", table.name)
}
