//! The tables, described once for all databases.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier: compared byte by byte, 512 bytes at most.
    Id,
    /// A text of any length.
    Text,
    /// An integer; a time in microseconds since 1970 in UTC; yes or no as 1 or 0.
    Integer,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

const fn id(name: &'static str) -> Column {
    Column { name, kind: Kind::Id, optional: false }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, optional: false }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer, optional: false }
}

const fn maybe(column: Column) -> Column {
    Column { optional: true, ..column }
}

/// An index beside the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
    pub(crate) unique: bool,
    /// The rows that are in it; all of them when it is empty.
    pub(crate) only: &'static str,
    /// What comes first where there are no partial indexes.
    pub(crate) first: &'static [&'static str],
}

const fn index(name: &'static str, columns: &'static [&'static str]) -> Index {
    Index { name, columns, unique: false, only: "", first: &[] }
}

/// A table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// A column that the database counts, which is the primary key then.
    pub(crate) counter: Option<&'static str>,
    pub(crate) columns: &'static [Column],
    /// The primary key; a unique one beside a counter.
    pub(crate) key: &'static [&'static str],
    pub(crate) indexes: &'static [Index],
    /// Whether a page holds many of its rows.
    pub(crate) short_rows: bool,
}

impl Table {
    /// The columns' names.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|column| column.name).collect()
    }

    /// The columns that are not in the key.
    pub(crate) fn rest(&self) -> Vec<&'static str> {
        self.names().into_iter().filter(|name| !self.key.contains(name)).collect()
    }

    /// Whether a row that is replaced loses nothing: it has no number that the database counts, and no other index finds it.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(crate) fn is_plain(&self) -> bool {
        self.counter.is_none() && self.indexes.is_empty()
    }

    const fn keyed(
        name: &'static str,
        columns: &'static [Column],
        key: &'static [&'static str],
        short_rows: bool,
    ) -> Self {
        Self { name, counter: None, columns, key, indexes: &[], short_rows }
    }
}

/// The merchants. `held`: nothing of it is claimed. `failing`: its POS cannot be reached, or refuses.
pub(crate) const CONNECTIONS: Table = Table {
    indexes: &[Index { only: "failing = 1", first: &["failing"], ..index("failing", &["id"]) }],
    ..Table::keyed(
        "mplus_connections",
        &[id("id"), text("body"), integer("held"), integer("failing"), integer("revision")],
        &["id"],
        false,
    )
};

/// Their settings; `form` is the version of the settings' form.
pub(crate) const SETTINGS: Table = Table::keyed(
    "mplus_settings",
    &[id("connection"), integer("form"), text("body"), integer("revision")],
    &["connection"],
    false,
);

pub(crate) const CHECKPOINTS: Table = Table::keyed(
    "mplus_checkpoints",
    &[id("connection"), id("resource"), integer("marker")],
    &["connection", "resource"],
    true,
);

/// The columns of every table of records: the host's identifier, the POS's number as text, the host's record, what both sides
/// last agreed on, what the host edited, when it last did, and how often the row was written.
const RECORD: &[Column] = &[
    id("connection"),
    id("id"),
    maybe(id("pos_key")),
    text("body"),
    maybe(text("sync")),
    maybe(text("edits")),
    maybe(integer("edited_at")),
    integer("revision"),
];

const RECORD_INDEXES: &[Index] = &[
    Index { unique: true, only: "pos_key IS NOT NULL", ..index("pos", &["connection", "pos_key"]) },
    Index { only: "edited_at IS NOT NULL", ..index("edited", &["connection", "id"]) },
];

const fn records(name: &'static str) -> Table {
    Table { indexes: RECORD_INDEXES, ..Table::keyed(name, RECORD, &["connection", "id"], false) }
}

pub(crate) const CATEGORIES: Table = records("mplus_categories");
pub(crate) const ITEMS: Table = records("mplus_items");
pub(crate) const MODIFIER_GROUPS: Table = records("mplus_modifier_groups");
pub(crate) const COMBOS: Table = records("mplus_combos");
pub(crate) const LOCATIONS: Table = records("mplus_locations");

pub(crate) const FLOOR_PLANS: Table = Table::keyed(
    "mplus_floor_plans",
    &[id("connection"), id("location"), text("body")],
    &["connection", "location"],
    false,
);

/// The amount is text: exact, with its scale.
pub(crate) const LEVELS: Table = Table::keyed(
    "mplus_inventory_levels",
    &[
        id("connection"),
        id("location"),
        id("item"),
        id("amount"),
        integer("day_stock"),
        integer("changed_at"),
    ],
    &["connection", "location", "item"],
    true,
);

pub(crate) const CUSTOMER_LINKS: Table = Table::keyed(
    "mplus_customer_links",
    &[id("connection"), id("customer"), text("body")],
    &["connection", "customer"],
    true,
);

/// What was set aside, in every table whose rows are claimed.
const SET_ASIDE: Index = Index { only: "parked IS NOT NULL", ..index("parked", &["parked"]) };

/// What holds for each open order, said so that only statements that say it too go by the index of what is due. Where none was open when
/// a database last counted, it takes all indexes of open orders for equally small; a claim that went by this one would read all
/// open orders for each merchant.
pub(crate) const OPEN_BY_TIME: &str = "is_open = 1 AND due_at >= -9223372036854775807";

/// Orders. `due_at`: not before this while waiting, the end of the claim while sending. `lane`: the table whose orders keep their
/// order, as long as this one has its place among them: until it has ended. `parked`: the format of the release that could not read
/// it. `progress`: what the columns do not say of its state.
pub(crate) const OUTBOX: Table = Table {
    name: "mplus_outbox",
    counter: Some("sequence"),
    columns: &[
        id("connection"),
        id("number"),
        maybe(id("lane")),
        integer("is_open"),
        id("state"),
        integer("due_at"),
        integer("claims"),
        integer("queued_at"),
        integer("updated_at"),
        maybe(integer("parked")),
        text("body"),
        text("progress"),
    ],
    key: &["connection", "number"],
    indexes: &[
        Index {
            only: "is_open = 1",
            first: &["is_open"],
            ..index("open", &["connection", "due_at", "sequence"])
        },
        Index { only: "lane IS NOT NULL", ..index("lane", &["connection", "lane", "sequence"]) },
        Index { only: OPEN_BY_TIME, first: &["is_open"], ..index("due", &["due_at"]) },
        index("state", &["connection", "state", "sequence"]),
        SET_ASIDE,
    ],
    short_rows: false,
};

/// Whose turn it is: a merchant's last turn in the claims, and until when its POS is left alone.
pub(crate) const TURNS: Table = Table {
    indexes: &[index("turn", &["turn"])],
    ..Table::keyed(
        "mplus_order_turns",
        &[id("connection"), integer("turn"), maybe(integer("rests_until"))],
        &["connection"],
        true,
    )
};

/// What the host is still to be told. `due_at`: not before this; the end of the claim while somebody tells it. `parked`: as with
/// orders.
pub(crate) const NOTICES: Table = Table {
    name: "mplus_order_notices",
    counter: Some("sequence"),
    columns: &[
        id("connection"),
        id("number"),
        integer("at"),
        integer("due_at"),
        integer("token"),
        maybe(integer("parked")),
        text("body"),
    ],
    key: &[],
    indexes: &[
        index("due", &["due_at", "sequence"]),
        index("order", &["connection", "number", "sequence"]),
        SET_ASIDE,
    ],
    short_rows: true,
};

/// Leases that are held; the counter is their token.
pub(crate) const LEASES: Table = Table {
    name: "mplus_leases",
    counter: Some("token"),
    columns: &[
        id("connection"),
        id("name"),
        id("slot"),
        id("life"),
        id("run"),
        integer("since"),
        integer("ends_at"),
        maybe(text("note")),
    ],
    key: &["connection", "name"],
    indexes: &[],
    short_rows: true,
};

/// Runs that are due. `due_at`: the first request, the end of the claim while somebody carries it out, none when nothing is asked.
/// `turn`: their order among each other, never later than `due_at`. `parked`: as with orders.
pub(crate) const RUNS: Table = Table {
    indexes: &[Index { only: "parked IS NULL", first: &["parked"], ..index("turn", &["turn"]) }, SET_ASIDE],
    ..Table::keyed(
        "mplus_runs",
        &[
            id("connection"),
            id("kind"),
            maybe(integer("due_at")),
            maybe(integer("turn")),
            integer("running"),
            maybe(integer("parked")),
            text("body"),
            integer("revision"),
        ],
        &["connection", "kind"],
        false,
    )
};

/// The last report of each kind. `day`: the last calendar day that has had its daily run, as `2027-01-15`.
pub(crate) const REPORTS: Table = Table::keyed(
    "mplus_reports",
    &[id("connection"), id("kind"), integer("at"), maybe(id("day")), text("body")],
    &["connection", "kind"],
    false,
);

pub(crate) const ACTIVITIES: Table = Table {
    name: "mplus_activities",
    counter: Some("sequence"),
    columns: &[id("connection"), integer("at"), text("body")],
    key: &[],
    indexes: &[index("page", &["connection", "sequence"])],
    short_rows: true,
};

/// Every table.
pub(crate) const ALL: &[Table] = &[
    CONNECTIONS,
    SETTINGS,
    CHECKPOINTS,
    CATEGORIES,
    ITEMS,
    MODIFIER_GROUPS,
    COMBOS,
    LOCATIONS,
    FLOOR_PLANS,
    LEVELS,
    CUSTOMER_LINKS,
    OUTBOX,
    TURNS,
    NOTICES,
    LEASES,
    RUNS,
    REPORTS,
    ACTIVITIES,
];

/// The tables of what is known of a merchant's POS.
pub(crate) const OF_POS: &[Table] = &[
    CHECKPOINTS,
    CATEGORIES,
    ITEMS,
    MODIFIER_GROUPS,
    COMBOS,
    LOCATIONS,
    FLOOR_PLANS,
    LEVELS,
    CUSTOMER_LINKS,
];
