-- ferry's own tables. They live in schema ferry, beside the queue's, so that a batch's rows, its counts, its checkpoint
-- and its job's completion commit in one transaction.

-- +goose Up

-- One run: a full sync, later also increments, checks, repairs, rehearsals.
CREATE TABLE ferry.run (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text NOT NULL,
    writes          boolean NOT NULL,
    state           text NOT NULL CHECK (state IN ('queued', 'planning', 'running', 'pausing', 'paused',
                                                   'interrupted', 'cancelled', 'failed', 'done')),
    state_since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    state_by        text NOT NULL DEFAULT '',
    state_reason    text NOT NULL DEFAULT '',
    epoch           bigint NOT NULL,
    first           boolean NOT NULL DEFAULT false,  -- it fills empty tables
    source_identity text NOT NULL,                   -- cluster and database; workers on another source refuse
    rules           jsonb NOT NULL,                  -- frozen severities
    rules_hash      text NOT NULL,
    requested_by    text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at      timestamptz,
    finished_at     timestamptz,
    error           text NOT NULL DEFAULT '',
    last_error      text NOT NULL DEFAULT '',
    last_error_at   timestamptz
);
CREATE UNIQUE INDEX run_one_writer ON ferry.run (writes)
    WHERE writes AND state IN ('queued', 'planning', 'running', 'pausing', 'paused');

-- Who may write an entity: every writing transaction locks its row FOR SHARE and requires its run's epoch.
CREATE TABLE ferry.lease (
    entity text PRIMARY KEY,
    epoch  bigint NOT NULL DEFAULT 0,
    run_id bigint REFERENCES ferry.run
);

-- Entities of which no batch is carved, in any run, until somebody resumes them.
CREATE TABLE ferry.entity_pause (
    entity    text PRIMARY KEY,
    paused_by text NOT NULL,
    reason    text NOT NULL DEFAULT '',
    paused_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The steps of a run, in order; their counters commit with the batches that they sum.
CREATE TABLE ferry.step (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id           bigint NOT NULL REFERENCES ferry.run,
    seq              integer NOT NULL,
    verb             text NOT NULL,
    entity           text NOT NULL DEFAULT '',
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    low              bigint NOT NULL DEFAULT 0,      -- ids above it …
    high             bigint NOT NULL DEFAULT 0,      -- … up to and including it
    carved           bigint NOT NULL DEFAULT 0,      -- ids up to here are in batches
    width            bigint NOT NULL DEFAULT 1,      -- ids of the next batch; adapts to its duration
    open             integer NOT NULL DEFAULT 0,     -- batches carved and not done
    batches_done     bigint NOT NULL DEFAULT 0,
    source_rows      bigint,                         -- of the planning snapshot; NULL: not known
    source_estimated boolean NOT NULL DEFAULT false,
    floor            xid8,                           -- the planning snapshot's xmin
    errors           bigint NOT NULL DEFAULT 0,
    read bigint NOT NULL DEFAULT 0, inserted bigint NOT NULL DEFAULT 0, updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, deleted bigint NOT NULL DEFAULT 0,
    stale bigint NOT NULL DEFAULT 0, extra bigint NOT NULL DEFAULT 0, taken bigint NOT NULL DEFAULT 0,
    settled bigint NOT NULL DEFAULT 0, precise bigint NOT NULL DEFAULT 0, warned bigint NOT NULL DEFAULT 0,
    started_at       timestamptz,
    finished_at      timestamptz,
    UNIQUE (run_id, seq)
);

-- One batch: an id range of a step, and what became of it.
CREATE TABLE ferry.batch (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      bigint NOT NULL REFERENCES ferry.run,
    step_id     bigint NOT NULL REFERENCES ferry.step,
    low         bigint NOT NULL,
    high        bigint NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    attempt     integer NOT NULL DEFAULT 1,          -- raised whenever it is handed to somebody else: a fence
    tries       integer NOT NULL DEFAULT 0,
    worker      text NOT NULL DEFAULT '',
    read bigint NOT NULL DEFAULT 0, inserted bigint NOT NULL DEFAULT 0, updated bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0, rejected bigint NOT NULL DEFAULT 0, deleted bigint NOT NULL DEFAULT 0,
    stale bigint NOT NULL DEFAULT 0, extra bigint NOT NULL DEFAULT 0, taken bigint NOT NULL DEFAULT 0,
    settled bigint NOT NULL DEFAULT 0, precise bigint NOT NULL DEFAULT 0, warned bigint NOT NULL DEFAULT 0,
    error       text NOT NULL DEFAULT '',
    sqlstate    text NOT NULL DEFAULT '',
    queued_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at  timestamptz,
    finished_at timestamptz
);
CREATE INDEX batch_by_run ON ferry.batch (run_id, id);
CREATE INDEX batch_open_by_step ON ferry.batch (step_id) WHERE state <> 'done';
CREATE INDEX batch_unfinished ON ferry.batch (state, worker) WHERE state IN ('queued', 'running');

-- The state of each entity when its last cycle ended, counted and not summed.
CREATE TABLE ferry.entity_state (
    entity      text PRIMARY KEY,
    run_id      bigint NOT NULL REFERENCES ferry.run,
    counted_at  timestamptz NOT NULL,
    source_rows bigint NOT NULL,                     -- summed over the snapshots that read the ranges
    target_rows bigint NOT NULL,                     -- with an Odoo id
    quarantined bigint NOT NULL,
    waiting     bigint NOT NULL,                     -- of quarantined
    stale       bigint NOT NULL,
    extra       bigint NOT NULL
);

-- Up to where the source has been read: every transaction id below it, by rules of this hash.
CREATE TABLE ferry.floor (
    entity     text NOT NULL,
    run_id     bigint NOT NULL REFERENCES ferry.run,
    floor      xid8 NOT NULL,
    rules_hash text NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity, run_id)
);

-- Source rows that are not in the engine as they should be: each exactly once.
CREATE TABLE ferry.quarantine (
    entity        text NOT NULL,
    source_id     bigint NOT NULL,
    state         text NOT NULL CHECK (state IN ('open', 'waiting_parent', 'waived', 'released', 'gone')),
    reason        text NOT NULL,
    detail        text NOT NULL DEFAULT '',
    sqlstate      text NOT NULL DEFAULT '',
    parent_entity text NOT NULL DEFAULT '',
    parent_id     bigint,                            -- the parent that it has or waits for
    claim         text,                              -- the code that it would have
    owner_id      bigint,                            -- the row that its code belongs to
    stale         boolean NOT NULL DEFAULT false,    -- an older good version is in the engine
    payload       jsonb,                             -- for display; NULL while it only waits
    attempts      integer NOT NULL DEFAULT 1,
    first_seen    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen     timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at   timestamptz,
    run_id        bigint NOT NULL REFERENCES ferry.run,
    PRIMARY KEY (entity, source_id)
);
CREATE INDEX quarantine_by_reason ON ferry.quarantine (entity, reason, source_id)
    WHERE state IN ('open', 'waiting_parent', 'waived');
CREATE INDEX quarantine_by_parent ON ferry.quarantine (entity, parent_id, source_id)
    WHERE state IN ('open', 'waiting_parent', 'waived');
CREATE INDEX quarantine_by_claim ON ferry.quarantine (entity, claim)
    WHERE state IN ('open', 'waiting_parent', 'waived') AND claim IS NOT NULL;

-- Engine rows whose source row is gone.
CREATE TABLE ferry.extra (
    entity   text NOT NULL,
    id       bigint NOT NULL,
    run_id   bigint NOT NULL REFERENCES ferry.run,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entity, id)
);

-- Processes with workers; one that is silent has its batches handed to others.
CREATE TABLE ferry.worker (
    id         text PRIMARY KEY,
    host       text NOT NULL,
    pid        integer NOT NULL,
    workers    integer NOT NULL,
    version    text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The severities in force. Seeded from the program's defaults, changed only by an action that the journal keeps.
CREATE TABLE ferry.rule (
    name     text PRIMARY KEY,
    severity text NOT NULL CHECK (severity IN ('reject', 'warn', 'off'))
);

-- Every action: who, from where, what, on what state, why, and how it ended.
CREATE TABLE ferry.journal (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text NOT NULL,
    ssh     text NOT NULL DEFAULT '',
    action  text NOT NULL,
    run_id  bigint,
    state   text NOT NULL DEFAULT '',
    reason  text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT ''
);
