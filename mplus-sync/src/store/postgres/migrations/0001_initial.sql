-- JSON is what the model's types write, kept as it was written. Keys compare byte by byte, whatever the database's locale.

CREATE TABLE mplus_connections (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body          JSON NOT NULL
);

CREATE TABLE mplus_checkpoints (
    connection    TEXT COLLATE "C" NOT NULL,
    resource      TEXT COLLATE "C" NOT NULL,
    marker        BIGINT NOT NULL,
    PRIMARY KEY (connection, resource)
);

-- The five tables of records have the same columns: the host's identifier, the POS's number as text, the host's record,
-- what both sides last agreed on, the time of an edit that was not pushed yet, and how often the row was written.

CREATE TABLE mplus_categories (
    connection    TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    pos_key       TEXT COLLATE "C",
    body          JSON NOT NULL,
    sync          JSON,
    edited_at     TIMESTAMPTZ,
    revision      BIGINT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_categories_pos ON mplus_categories (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_categories_edited ON mplus_categories (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_items (
    connection    TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    pos_key       TEXT COLLATE "C",
    body          JSON NOT NULL,
    sync          JSON,
    edited_at     TIMESTAMPTZ,
    revision      BIGINT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_items_pos ON mplus_items (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_items_edited ON mplus_items (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_modifier_groups (
    connection    TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    pos_key       TEXT COLLATE "C",
    body          JSON NOT NULL,
    sync          JSON,
    edited_at     TIMESTAMPTZ,
    revision      BIGINT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_modifier_groups_pos ON mplus_modifier_groups (connection, pos_key)
    WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_modifier_groups_edited ON mplus_modifier_groups (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_combos (
    connection    TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    pos_key       TEXT COLLATE "C",
    body          JSON NOT NULL,
    sync          JSON,
    edited_at     TIMESTAMPTZ,
    revision      BIGINT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_combos_pos ON mplus_combos (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_combos_edited ON mplus_combos (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_locations (
    connection    TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    pos_key       TEXT COLLATE "C",
    body          JSON NOT NULL,
    sync          JSON,
    edited_at     TIMESTAMPTZ,
    revision      BIGINT NOT NULL,
    PRIMARY KEY (connection, id)
);
CREATE UNIQUE INDEX mplus_locations_pos ON mplus_locations (connection, pos_key) WHERE pos_key IS NOT NULL;
CREATE INDEX mplus_locations_edited ON mplus_locations (connection, id) WHERE edited_at IS NOT NULL;

CREATE TABLE mplus_floor_plans (
    connection    TEXT COLLATE "C" NOT NULL,
    location      TEXT COLLATE "C" NOT NULL,
    body          JSON NOT NULL,
    PRIMARY KEY (connection, location)
);

-- A NUMERIC without precision keeps the amount exactly, with its scale.
CREATE TABLE mplus_inventory_levels (
    connection    TEXT COLLATE "C" NOT NULL,
    location      TEXT COLLATE "C" NOT NULL,
    item          TEXT COLLATE "C" NOT NULL,
    amount        NUMERIC NOT NULL,
    day_stock     BOOLEAN NOT NULL,
    changed_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, location, item)
);

CREATE TABLE mplus_customer_links (
    connection    TEXT COLLATE "C" NOT NULL,
    customer      TEXT COLLATE "C" NOT NULL,
    body          JSON NOT NULL,
    PRIMARY KEY (connection, customer)
);

-- due_at: not before this while queued, the end of the claim while sending. lane: the table whose orders keep their order.
CREATE TABLE mplus_outbox (
    sequence      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection    TEXT COLLATE "C" NOT NULL,
    number        TEXT COLLATE "C" NOT NULL,
    lane          TEXT COLLATE "C",
    body          JSON NOT NULL,
    state         TEXT NOT NULL,
    state_detail  JSON NOT NULL,
    attempts      BIGINT NOT NULL,
    claims        BIGINT NOT NULL,
    may_be_at_pos BOOLEAN NOT NULL,
    due_at        TIMESTAMPTZ NOT NULL,
    last_error    TEXT,
    queued_at     TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    UNIQUE (connection, number)
);
CREATE INDEX mplus_outbox_due ON mplus_outbox (due_at, sequence) WHERE state IN ('queued', 'sending');
CREATE INDEX mplus_outbox_lane ON mplus_outbox (connection, lane, sequence)
    WHERE state IN ('queued', 'sending') AND lane IS NOT NULL;
CREATE INDEX mplus_outbox_state ON mplus_outbox (connection, state, sequence);

-- A lease that was released has no holder; its row stays, so that tokens keep growing.
CREATE TABLE mplus_leases (
    connection    TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    holder        TEXT,
    ends_at       TIMESTAMPTZ NOT NULL,
    token         BIGINT NOT NULL,
    PRIMARY KEY (connection, name)
);

CREATE TABLE mplus_activities (
    sequence      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    connection    TEXT COLLATE "C" NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    body          JSON NOT NULL
);
CREATE INDEX mplus_activities_page ON mplus_activities (connection, sequence);
