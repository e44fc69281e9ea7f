-- Times are microseconds since 1970 in UTC. JSON is what the model's types write.

CREATE TABLE mplus_connections (
    id   TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE mplus_checkpoints (
    connection TEXT    NOT NULL,
    resource   TEXT    NOT NULL,
    marker     INTEGER NOT NULL,
    PRIMARY KEY (connection, resource)
) WITHOUT ROWID;

-- The five tables of records have the same columns: the host's identifier, the POS's number as text, the host's record,
-- what both sides last agreed on, the time of an edit that was not pushed yet, and how often the row was written. Their
-- rows are too long for WITHOUT ROWID, which would give each of them a page of its own.

CREATE TABLE mplus_categories (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    pos_key    TEXT,
    body       TEXT    NOT NULL,
    sync       TEXT,
    edited_at  INTEGER,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_categories_pos ON mplus_categories (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_categories_edited ON mplus_categories (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_items (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    pos_key    TEXT,
    body       TEXT    NOT NULL,
    sync       TEXT,
    edited_at  INTEGER,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_items_pos ON mplus_items (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_items_edited ON mplus_items (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_modifier_groups (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    pos_key    TEXT,
    body       TEXT    NOT NULL,
    sync       TEXT,
    edited_at  INTEGER,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_modifier_groups_pos ON mplus_modifier_groups (connection, pos_key)
    WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_modifier_groups_edited ON mplus_modifier_groups (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_combos (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    pos_key    TEXT,
    body       TEXT    NOT NULL,
    sync       TEXT,
    edited_at  INTEGER,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_combos_pos ON mplus_combos (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_combos_edited ON mplus_combos (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_locations (
    connection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    pos_key    TEXT,
    body       TEXT    NOT NULL,
    sync       TEXT,
    edited_at  INTEGER,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_locations_pos ON mplus_locations (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_locations_edited ON mplus_locations (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_floor_plans (
    connection TEXT NOT NULL,
    location   TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (connection, location)
) WITHOUT ROWID;

-- The amount is text: exact, with its scale.
CREATE TABLE mplus_inventory_levels (
    connection TEXT    NOT NULL,
    location   TEXT    NOT NULL,
    item       TEXT    NOT NULL,
    amount     TEXT    NOT NULL,
    day_stock  INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (connection, location, item)
) WITHOUT ROWID;

CREATE TABLE mplus_customer_links (
    connection TEXT NOT NULL,
    customer   TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (connection, customer)
) WITHOUT ROWID;

-- due_at: not before this while queued, the end of the claim while sending. lane: the table whose orders keep their order.
CREATE TABLE mplus_outbox (
    sequence      INTEGER PRIMARY KEY AUTOINCREMENT,
    connection    TEXT    NOT NULL,
    number        TEXT    NOT NULL,
    lane          TEXT,
    body          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    state_detail  TEXT    NOT NULL,
    attempts      INTEGER NOT NULL,
    claims        INTEGER NOT NULL,
    may_be_at_pos INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    last_error    TEXT,
    queued_at     INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (connection, number)
);
CREATE INDEX mplus_outbox_due ON mplus_outbox (due_at, sequence) WHERE state IN ('queued', 'sending');
CREATE INDEX mplus_outbox_lane ON mplus_outbox (connection, lane, sequence)
    WHERE state IN ('queued', 'sending') AND lane IS NOT NULL;
CREATE INDEX mplus_outbox_state ON mplus_outbox (connection, state, sequence);

-- A lease that was released has no holder; its row stays, so that tokens keep growing.
CREATE TABLE mplus_leases (
    connection TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    holder     TEXT,
    ends_at    INTEGER NOT NULL,
    token      INTEGER NOT NULL,
    PRIMARY KEY (connection, name)
) WITHOUT ROWID;

CREATE TABLE mplus_activities (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    body       TEXT    NOT NULL
);
CREATE INDEX mplus_activities_page ON mplus_activities (connection, sequence);
