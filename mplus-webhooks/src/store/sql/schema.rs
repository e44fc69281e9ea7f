//! The tables and how they came about: numbered steps, of which a released one never changes.

use super::dialect::Dialect;
use crate::store_error::StoreError;

/// One step from an empty database to the present one.
#[derive(Debug)]
pub(in crate::store) struct Migration {
    /// Counted from 1.
    pub(in crate::store) number: i64,
    /// May be repeated, since not every database takes table definitions back.
    pub(in crate::store) statements: Vec<String>,
}

/// The table that says which steps were made.
pub(in crate::store) const MIGRATIONS_TABLE: &str = "mplus_webhook_migrations";

/// Every step, in order.
pub(in crate::store) fn migrations(dialect: Dialect) -> Vec<Migration> {
    vec![Migration {
        number: 1,
        statements: [entries(), payments()].map(|table| table.made(dialect)).concat(),
    }]
}

/// Makes the table that says which steps were made.
pub(in crate::store) fn migrations_table(dialect: Dialect) -> Vec<String> {
    let columns = vec![("version", Type::Int), ("applied_at", Type::Int)];
    Table { name: MIGRATIONS_TABLE, columns, key: "version", unique: &[], indexes: &[] }.made(dialect)
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Type {
    Int,
    MaybeInt,
    /// Part of a key or an index: at most 255 bytes, compared byte by byte.
    Name,
    MaybeName,
    Text,
    MaybeText,
    MaybeBytes,
}

struct Table {
    name: &'static str,
    columns: Vec<(&'static str, Type)>,
    key: &'static str,
    unique: &'static [(&'static str, &'static str)],
    /// Name, columns, and which rows it is about.
    indexes: &'static [(&'static str, &'static str, &'static str)],
}

fn entries() -> Table {
    Table {
        name: "mplus_webhook_entry",
        columns: vec![
            ("id", Type::Name),
            ("merchant", Type::Name),
            ("subscription", Type::Text),
            ("event", Type::Text),
            ("branch_number", Type::MaybeInt),
            ("workplace_number", Type::MaybeInt),
            ("subject", Type::MaybeName),
            ("body", Type::MaybeBytes),
            ("body_digest", Type::Name),
            ("state", Type::Name),
            ("reply_status", Type::MaybeInt),
            ("reply_body", Type::MaybeBytes),
            ("attempts", Type::Int),
            ("progress", Type::Int),
            ("last_error", Type::MaybeText),
            ("owner", Type::MaybeText),
            ("received_at", Type::Int),
            ("due_at", Type::MaybeInt),
            ("ended_at", Type::MaybeInt),
            ("untold", Type::MaybeInt),
            ("version", Type::Int),
        ],
        key: "id",
        unique: &[("mplus_webhook_entry_body", "merchant, body_digest")],
        indexes: &[
            // All that is asked of what is due, so that nobody looks past bodies for it.
            ("mplus_webhook_entry_due", "due_at, merchant, state, id", "due_at IS NOT NULL"),
            ("mplus_webhook_entry_about", "merchant, subject, received_at", "subject IS NOT NULL"),
            ("mplus_webhook_entry_state", "state, ended_at", "ended_at IS NOT NULL"),
            ("mplus_webhook_entry_received", "received_at, id", ""),
        ],
    }
}

fn payments() -> Table {
    Table {
        name: "mplus_webhook_payment",
        columns: vec![
            ("merchant", Type::Name),
            ("id", Type::Name),
            ("version", Type::Int),
            ("provider", Type::Name),
            ("account", Type::Name),
            ("reference", Type::MaybeName),
            ("transaction_reference", Type::MaybeName),
            ("state", Type::Name),
            ("refresh_at", Type::MaybeInt),
            ("claimed_by", Type::MaybeText),
            ("started_at", Type::Int),
            ("ended_at", Type::MaybeInt),
            ("record", Type::Text),
        ],
        key: "merchant, id",
        unique: &[],
        indexes: &[
            ("mplus_webhook_payment_reference", "provider, account, reference", "reference IS NOT NULL"),
            (
                "mplus_webhook_payment_transaction",
                "provider, account, transaction_reference",
                "transaction_reference IS NOT NULL",
            ),
            ("mplus_webhook_payment_due", "refresh_at", "refresh_at IS NOT NULL"),
            ("mplus_webhook_payment_started", "started_at, merchant, id", ""),
            ("mplus_webhook_payment_ended", "ended_at", "ended_at IS NOT NULL"),
        ],
    }
}

impl Table {
    /// The statements that make the table and what finds its rows.
    fn made(&self, dialect: Dialect) -> Vec<String> {
        let column = |(name, of): &(&str, Type)| format!("{name} {}", spelled(dialect, *of));
        let mut parts: Vec<String> = self.columns.iter().map(column).collect();
        parts.push(format!("PRIMARY KEY ({})", self.key));
        match dialect {
            // Has no `CREATE INDEX IF NOT EXISTS`, and no indexes of some rows only.
            #[cfg(feature = "mysql")]
            Dialect::Mysql => {
                parts.extend(
                    self.unique.iter().map(|(name, columns)| format!("UNIQUE INDEX {name} ({columns})")),
                );
                parts.extend(
                    self.indexes.iter().map(|(name, columns, _)| format!("INDEX {name} ({columns})")),
                );
                let options =
                    "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ROW_FORMAT = DYNAMIC";
                vec![format!("CREATE TABLE IF NOT EXISTS {} ({}) {options}", self.name, parts.join(", "))]
            }
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => {
                let table = format!("CREATE TABLE IF NOT EXISTS {} ({})", self.name, parts.join(", "));
                let unique = self.unique.iter().map(|(name, columns)| {
                    format!("CREATE UNIQUE INDEX IF NOT EXISTS {name} ON {} ({columns})", self.name)
                });
                let indexes = self.indexes.iter().map(|(name, columns, rows)| {
                    let rows = if rows.is_empty() { String::new() } else { format!(" WHERE {rows}") };
                    format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({columns}){rows}", self.name)
                });
                std::iter::once(table).chain(unique).chain(indexes).collect()
            }
        }
    }
}

fn spelled(dialect: Dialect, of: Type) -> &'static str {
    match dialect {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => match of {
            Type::Int => "INTEGER NOT NULL",
            Type::MaybeInt => "INTEGER",
            Type::Name | Type::Text => "TEXT NOT NULL",
            Type::MaybeName | Type::MaybeText => "TEXT",
            Type::MaybeBytes => "BLOB",
        },
        #[cfg(feature = "postgres")]
        Dialect::Postgres => match of {
            Type::Int => "BIGINT NOT NULL",
            Type::MaybeInt => "BIGINT",
            Type::Name | Type::Text => "TEXT NOT NULL",
            Type::MaybeName | Type::MaybeText => "TEXT",
            Type::MaybeBytes => "BYTEA",
        },
        // Texts would be compared without their trailing blanks.
        #[cfg(feature = "mysql")]
        Dialect::Mysql => match of {
            Type::Int => "BIGINT NOT NULL",
            Type::MaybeInt => "BIGINT",
            Type::Name => "VARBINARY(255) NOT NULL",
            Type::MaybeName => "VARBINARY(255)",
            Type::Text => "LONGTEXT NOT NULL",
            Type::MaybeText => "LONGTEXT",
            Type::MaybeBytes => "LONGBLOB",
        },
    }
}

/// Whether every step was made.
///
/// # Errors
/// [`StoreError`] when a later release has been here.
pub(in crate::store) fn up_to_date(
    action: &'static str,
    done: i64,
    all: &[Migration],
) -> Result<bool, StoreError> {
    let last = all.last().map_or(0, |last| last.number);
    if done <= last {
        return Ok(done == last);
    }
    let text = format!(
        "they are at version {done}, this release knows {last}: it is older than the one that made them"
    );
    Err(StoreError::new(action, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A released step is never changed. Until the first release the tables may be: the fixtures are then written anew, as
    /// `tests/it/stores/first_schema.rs` says.
    #[test]
    fn the_first_schema_is_that_of_the_fixture() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1");
        let databases = [
            #[cfg(feature = "sqlite")]
            (Dialect::Sqlite, "sqlite"),
            #[cfg(feature = "postgres")]
            (Dialect::Postgres, "postgres"),
            #[cfg(feature = "mysql")]
            (Dialect::Mysql, "mysql"),
        ];
        for (dialect, name) in databases {
            let first = migrations(dialect).into_iter().next().unwrap();
            assert_eq!(first.number, 1);
            let statements = migrations_table(dialect).into_iter().chain(first.statements);
            let made: String = statements.map(|statement| statement + ";\n").collect();
            let file = folder.join(format!("{name}.sql"));
            if std::env::var_os("MPLUS_WRITE_FIXTURES").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(made, kept, "{}", file.display());
        }
    }
}
