//! In what the databases differ.

use std::borrow::Cow;

use super::table::{Column, Kind, Table};

/// A database's way to write SQL.
///
/// The statements of a store are written once, as texts with `?` for each value; what differs are these few pieces. A library
/// that builds statements (`sea-query`) was looked at and left alone: the statements that are many are made from the
/// [tables](super::table) anyway, the others are a dozen texts that a person reads as they are, and a text that is made anew
/// for every call costs what preparing it once has saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// Postgres.
    Postgres,
    /// MySQL and MariaDB.
    MySql,
}

impl Dialect {
    /// The text with the database's own placeholders in the place of `?`.
    pub(crate) fn placed(self, sql: &str) -> Cow<'_, str> {
        let mark = match self {
            Self::MySql => return Cow::Borrowed(sql),
            Self::Postgres => '$',
            Self::Sqlite => '?',
        };
        let mut placed = String::with_capacity(sql.len() + 32);
        let mut number = 0;
        for part in sql.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(part) => {
                    number += 1;
                    placed.push_str(part);
                    placed.push(mark);
                    placed.push_str(&number.to_string());
                }
                None => placed.push_str(part),
            }
        }
        Cow::Owned(placed)
    }

    /// Reads the database's clock, in microseconds; none where it is the process's own.
    pub(crate) fn clock(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"),
            Self::MySql => Some("SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"),
        }
    }

    /// The latest of several times.
    pub(crate) fn latest(self, times: &[&str]) -> String {
        let function = if self == Self::Sqlite { "max" } else { "greatest" };
        format!("{function}({})", times.join(", "))
    }

    /// Behind an insert: a row whose key is there is left alone.
    pub(crate) fn unless_there(self, key: &[&str]) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!(" ON CONFLICT ({}) DO NOTHING", key.join(", ")),
            // Unlike INSERT IGNORE it hides no other error. A column that is set to itself changes nothing.
            Self::MySql => format!(" ON DUPLICATE KEY UPDATE {0} = {0}", key[0]),
        }
    }

    /// Behind an insert: a row whose key is there gets these columns' new values.
    pub(crate) fn or_replace(self, key: &[&str], columns: &[&str]) -> String {
        let set = |new: fn(&str) -> String| {
            columns.iter().map(|column| format!("{column} = {}", new(column))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Sqlite | Self::Postgres => {
                let set = set(|column| format!("excluded.{column}"));
                format!(" ON CONFLICT ({}) DO UPDATE SET {set}", key.join(", "))
            }
            Self::MySql => format!(" ON DUPLICATE KEY UPDATE {}", set(|column| format!("VALUES({column})"))),
        }
    }

    /// Behind a select: the rows stay as they are until the transaction ends.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            // Whoever writes is alone.
            Self::Sqlite => "",
            Self::Postgres | Self::MySql => " FOR UPDATE",
        }
    }

    /// The same, passing over rows that another holds.
    pub(crate) fn for_update_skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres | Self::MySql => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Behind a table's name: rows are looked up by this index of it. MySQL and MariaDB would guess by how many rows there were when they
    /// last counted, and read a merchant's whole backlog for each order of another one.
    pub(crate) fn by_index(self, table: &Table, index: &str) -> String {
        debug_assert!(table.indexes.iter().any(|known| known.name == index), "no index {index}");
        match self {
            Self::Sqlite | Self::Postgres => String::new(),
            Self::MySql => format!(" FORCE INDEX ({}_{index})", table.name),
        }
    }

    /// A select's first rows as one member of a union.
    pub(crate) fn member(self, select: &str, alias: usize) -> String {
        format!("SELECT * FROM ({select}) AS member_{alias}")
    }

    fn kind(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, Kind::Id | Kind::Text) => "TEXT",
            (Self::Sqlite, Kind::Integer) => "INTEGER",
            // Bytes are compared as bytes, whatever collation the database has.
            (Self::Postgres, Kind::Id) => "TEXT COLLATE \"C\"",
            (Self::Postgres, Kind::Text) => "TEXT",
            (Self::Postgres | Self::MySql, Kind::Integer) => "BIGINT",
            // The binary collations of MySQL and MariaDB take no notice of blanks at the end.
            (Self::MySql, Kind::Id) => "VARBINARY(512)",
            (Self::MySql, Kind::Text) => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        }
    }

    fn counted(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            Self::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            Self::MySql => "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        }
    }

    fn column(self, column: &Column) -> String {
        let null = if column.optional { "" } else { " NOT NULL" };
        format!("{} {}{null}", column.name, self.kind(column.kind))
    }

    /// The statements that make a table with its indexes.
    pub(crate) fn create(self, table: &Table) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(counter) = table.counter {
            parts.push(format!("{counter} {}", self.counted()));
        }
        parts.extend(table.columns.iter().map(|column| self.column(column)));
        if !table.key.is_empty() && table.counter.is_none() {
            parts.push(format!("PRIMARY KEY ({})", table.key.join(", ")));
        }
        if table.counter.is_some() && !table.key.is_empty() {
            parts.push(format!("UNIQUE ({})", table.key.join(", ")));
        }
        if self == Self::MySql {
            // There are no partial indexes: rows that are left out elsewhere stand together, behind the others. Made with the
            // table, for there every CREATE commits.
            parts.extend(table.indexes.iter().map(|index| {
                let unique = if index.unique { "UNIQUE " } else { "" };
                let columns: Vec<_> = index.first.iter().chain(index.columns).copied().collect();
                format!("{unique}KEY {}_{} ({})", table.name, index.name, columns.join(", "))
            }));
        }
        let end = match self {
            // Rows that are long would get a page each.
            Self::Sqlite if table.counter.is_none() && table.short_rows => " WITHOUT ROWID",
            Self::MySql => " ENGINE = InnoDB",
            Self::Sqlite | Self::Postgres => "",
        };
        let mut statements = vec![format!("CREATE TABLE {} ({}){end}", table.name, parts.join(", "))];
        if self != Self::MySql {
            statements.extend(table.indexes.iter().map(|index| {
                let unique = if index.unique { "UNIQUE " } else { "" };
                let only =
                    if index.only.is_empty() { String::new() } else { format!(" WHERE {}", index.only) };
                let (table, columns) = (table.name, index.columns.join(", "));
                format!("CREATE {unique}INDEX {table}_{} ON {table} ({columns}){only}", index.name)
            }));
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_gets_its_own_placeholders() {
        let sql = "SELECT a FROM b WHERE c = ? AND d > ?";
        assert_eq!(Dialect::Postgres.placed(sql), "SELECT a FROM b WHERE c = $1 AND d > $2");
        assert_eq!(Dialect::Sqlite.placed(sql), "SELECT a FROM b WHERE c = ?1 AND d > ?2");
        assert_eq!(Dialect::MySql.placed(sql), sql);
    }
}
