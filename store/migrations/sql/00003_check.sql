-- Proof: checks and what they find, range by range, and the life of a discrepancy.

-- +goose Up

ALTER TABLE ferry.run
    ADD options jsonb NOT NULL DEFAULT '{}',            -- of a check: how far it goes
    ADD verdict text NOT NULL DEFAULT '',
    ADD why     text NOT NULL DEFAULT '',               -- why it could not check
    ADD waits   text NOT NULL DEFAULT '',               -- what its confirmation waits for
    ADD until   timestamptz;                            -- it ends then with what it has covered

-- What a check says of an entity; rows, not fields.
CREATE TABLE ferry.check_entity (
    run_id    bigint NOT NULL,
    entity    text NOT NULL,
    compared  bigint NOT NULL DEFAULT 0,
    settled   bigint NOT NULL DEFAULT 0,
    in_flight bigint NOT NULL DEFAULT 0,
    explained bigint NOT NULL DEFAULT 0,
    coverage  double precision NOT NULL DEFAULT 0,
    by_cause  jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, entity)
);

-- Which ranges of ids were compared last, and when: ids above low up to high.
CREATE TABLE ferry.proof (
    entity    text NOT NULL,
    low       bigint NOT NULL,
    high      bigint NOT NULL,
    run_id    bigint NOT NULL,
    compared  bigint NOT NULL,
    explained jsonb NOT NULL DEFAULT '{}',              -- rows by cause
    proven_at timestamptz NOT NULL,
    PRIMARY KEY (entity, low)
);

-- One field of one row (or a row as a whole: field '') that is not as it should be, from being found until a later check
-- finds both sides equal. The next time it is found is another row here.
CREATE TABLE ferry.discrepancy (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity       text NOT NULL,
    row_id       bigint NOT NULL,
    field        text NOT NULL DEFAULT '',
    source       text,
    expected     text,
    target       text,
    cause        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('in_flight', 'settled', 'explained', 'repaired', 'verified')),
    version      text NOT NULL DEFAULT '',              -- what was seen at the source, and of a derived column what it follows from
    version_at   timestamptz NOT NULL,                  -- since when just this was seen
    found_run    bigint NOT NULL,
    found_at     timestamptz NOT NULL,
    seen_run     bigint NOT NULL,
    seen_at      timestamptz NOT NULL,
    settled_at   timestamptz,
    ack_by       text NOT NULL DEFAULT '',
    ack_note     text NOT NULL DEFAULT '',
    ack_at       timestamptz,
    ack_until    timestamptz,
    repaired_run bigint,
    repaired_at  timestamptz,
    verified_run bigint,
    verified_at  timestamptz
);
CREATE UNIQUE INDEX discrepancy_open ON ferry.discrepancy (entity, row_id, field) WHERE state <> 'verified';
CREATE INDEX discrepancy_by_cause ON ferry.discrepancy (entity, cause, state) WHERE state <> 'verified';
CREATE INDEX discrepancy_by_run ON ferry.discrepancy (seen_run);
