//! Where the databases spell things differently.

/// A spelling of SQL. Statements are written with `?` for their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    /// MySQL and MariaDB.
    #[cfg(feature = "mysql")]
    Mysql,
}

impl Dialect {
    /// The statement in this spelling.
    pub(super) fn statement(self, text: &str) -> String {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => {
                let mut parts = text.split('?');
                let mut numbered = parts.next().unwrap_or_default().to_owned();
                for (number, part) in (1..).zip(parts) {
                    numbered += &format!("${number}{part}");
                }
                numbered
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite => text.to_owned(),
            #[cfg(feature = "mysql")]
            Self::Mysql => text.to_owned(),
        }
    }

    /// An insert that changes nothing when a key is taken.
    pub(super) fn insert_new(self, table: &str, columns: &[&str]) -> String {
        let marks = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", columns.join(", "));
        let unless_taken = match self {
            #[cfg(feature = "mysql")]
            Self::Mysql => "ON DUPLICATE KEY UPDATE version = version",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "ON CONFLICT DO NOTHING",
            #[cfg(feature = "postgres")]
            Self::Postgres => "ON CONFLICT DO NOTHING",
        };
        self.statement(&format!("{insert} {unless_taken}"))
    }

    /// A statement `begin` about the rows where `condition` holds: at most `LIMIT ?` of them, the first by `order`.
    pub(super) fn limited(
        self,
        begin: &str,
        (table, key): (&str, &str),
        condition: &str,
        order: &str,
    ) -> String {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql => format!("{begin} WHERE {condition} ORDER BY {order} LIMIT ?"),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!(
                "{begin} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} ORDER BY {order} LIMIT ?)"
            ),
            #[cfg(feature = "postgres")]
            Self::Postgres => self.statement(&format!(
                "{begin} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} ORDER BY {order} LIMIT ? \
                 FOR UPDATE SKIP LOCKED)"
            )),
        }
    }

    /// An update that need not wait for the disk.
    pub(super) fn relaxed_update(self, table: &str, set: &str, condition: &str) -> String {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => self.statement(&format!(
                "UPDATE {table} SET {set} FROM (SELECT set_config('synchronous_commit', 'off', true) AS setting) relaxed \
                 WHERE relaxed.setting = 'off' AND {condition}"
            )),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("UPDATE {table} SET {set} WHERE {condition}"),
            #[cfg(feature = "mysql")]
            Self::Mysql => format!("UPDATE {table} SET {set} WHERE {condition}"),
        }
    }

    /// Whether only one connection writes at a time, so that a write in vain is to be avoided.
    pub(super) fn has_one_writer(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => true,
            #[cfg(feature = "postgres")]
            Self::Postgres => false,
            #[cfg(feature = "mysql")]
            Self::Mysql => false,
        }
    }
}
