-- Repair: plans of exact rows, and what became of each of them.

-- +goose Up

CREATE TABLE ferry.repair_plan (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash            text NOT NULL,                      -- of the items, as they were planned
    state           text NOT NULL CHECK (state IN ('planned', 'applying', 'applied')),
    made_by         text NOT NULL,
    reason          text NOT NULL DEFAULT '',
    made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    source_identity text NOT NULL,
    run_id          bigint                              -- that applies it
);
CREATE UNIQUE INDEX repair_plan_by_run ON ferry.repair_plan (run_id) WHERE run_id IS NOT NULL;

-- One row of a plan. Before and after hold the engine's columns that would change, canonical; a NULL column is left out.
CREATE TABLE ferry.repair_item (
    plan_id bigint NOT NULL REFERENCES ferry.repair_plan ON DELETE CASCADE,
    seq     integer NOT NULL,                           -- parents before children
    entity  text NOT NULL,
    row_id  bigint NOT NULL,
    cause   text NOT NULL,
    action  text NOT NULL CHECK (action IN ('write', 'settle', 'delete')),
    before  jsonb NOT NULL,
    after   jsonb NOT NULL,
    note    text NOT NULL DEFAULT '',                   -- what the plan says in words: why it is refused, that it goes to quarantine
    planned text NOT NULL CHECK (planned IN ('planned', 'refused')),
    state   text NOT NULL CHECK (state IN ('planned', 'applied', 'moved', 'refused', 'failed')),
    outcome text NOT NULL DEFAULT '',
    along   bigint NOT NULL DEFAULT 0,                  -- the row along with which it is written, for its code passes on; 0: for its own sake
    PRIMARY KEY (plan_id, entity, row_id)
);
CREATE UNIQUE INDEX repair_item_in_order ON ferry.repair_item (plan_id, seq);
