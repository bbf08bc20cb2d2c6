-- Cutover is a state: sealed, nothing of ferry writes the engine's rows, in any process, until somebody unseals.

-- +goose Up

-- Each time that the engine was sealed, and by whom it was opened again.
CREATE TABLE ferry.seal (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sealed_by       text NOT NULL,
    sealed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason          text NOT NULL DEFAULT '',
    seen            text NOT NULL,                      -- the snapshot of this database as it was sealed: what it does not see was written since
    cluster         text NOT NULL DEFAULT (pg_control_system()).system_identifier::text, -- where that snapshot means something: transaction ids are a cluster's own
    unsealed_by     text NOT NULL DEFAULT '',
    unsealed_at     timestamptz,                        -- NULL: it is sealed
    unsealed_reason text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX seal_in_force ON ferry.seal ((true)) WHERE unsealed_at IS NULL;

-- The ids that an entity had as it was sealed: ids from low up to high, without a gap. Those that are not there any more were
-- deleted by somebody else.
CREATE TABLE ferry.sealed_ids (
    entity text NOT NULL,
    low    bigint NOT NULL,
    high   bigint NOT NULL,
    PRIMARY KEY (entity, low)
);

-- Rows that somebody else wrote or deleted while the engine was sealed. They are the engine's own from then on, as those that
-- say so themselves (synced_to_odoo), and are never overwritten unattended.
CREATE TABLE ferry.owned (
    entity   text NOT NULL,
    id       bigint NOT NULL,
    gone     boolean NOT NULL,                          -- it was deleted
    seal_id  bigint NOT NULL REFERENCES ferry.seal,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity, id)
);
