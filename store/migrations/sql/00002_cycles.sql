-- Cycles: ticks that read what changed since the floor, sweeps for what is gone, questions, the schedule, and a life of
-- its own for what is in quarantine.

-- +goose Up

ALTER TABLE ferry.run DROP CONSTRAINT run_state_check;
ALTER TABLE ferry.run ADD CONSTRAINT run_state_check CHECK (state IN
    ('queued', 'planning', 'running', 'pausing', 'paused', 'asking', 'interrupted', 'cancelled', 'failed', 'done'));
DROP INDEX ferry.run_one_writer;
CREATE UNIQUE INDEX run_one_writer ON ferry.run (writes)
    WHERE writes AND state IN ('queued', 'planning', 'running', 'pausing', 'paused', 'asking');

ALTER TABLE ferry.run
    ADD scheduled     boolean NOT NULL DEFAULT false,   -- a tick that nobody asked for
    ADD entities      text[],                           -- NULL: all
    ADD policies      jsonb NOT NULL DEFAULT '{}',      -- frozen, as the rules are
    ADD why_full      text NOT NULL DEFAULT '',         -- why an incremental run reads every row
    ADD asked         text NOT NULL DEFAULT '',         -- the kind of the question, empty: it asks nothing
    ADD question      text NOT NULL DEFAULT '',
    ADD accepted      text[] NOT NULL DEFAULT '{}',     -- the kinds of questions that were accepted
    ADD breaker_off   boolean NOT NULL DEFAULT false,   -- somebody resumed it although the engine refuses many rows
    ADD ticks         integer NOT NULL DEFAULT 1,       -- how many ticks this line stands for
    ADD first_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The planning snapshot: taken after read_from, by the engine's clock.
    ADD read_from     timestamptz,
    ADD floor         xid8,
    ADD next_xid      xid8,                             -- the first transaction id that had not been given yet
    ADD timeline      bigint NOT NULL DEFAULT 0,
    ADD incarnation   text NOT NULL DEFAULT '',         -- which server process answered
    ADD pinned_by     text NOT NULL DEFAULT '';
UPDATE ferry.run SET first_at = created_at;

ALTER TABLE ferry.step
    ADD since xid8,                                     -- a load reads what transactions from this one on have written; NULL: every row
    ADD shape text NOT NULL DEFAULT '';                 -- how the source stored the entity's columns
ALTER TABLE ferry.step
    ADD refused bigint NOT NULL DEFAULT 0, ADD faulted bigint NOT NULL DEFAULT 0, ADD released bigint NOT NULL DEFAULT 0, ADD missing bigint NOT NULL DEFAULT 0;
ALTER TABLE ferry.batch
    ADD refused bigint NOT NULL DEFAULT 0, ADD faulted bigint NOT NULL DEFAULT 0, ADD released bigint NOT NULL DEFAULT 0, ADD missing bigint NOT NULL DEFAULT 0;

-- Floors and counts outlive the history of the runs that left them.
ALTER TABLE ferry.floor DROP CONSTRAINT floor_run_id_fkey;
ALTER TABLE ferry.floor
    ADD source_identity text NOT NULL DEFAULT '',
    ADD next_xid        xid8,
    ADD timeline        bigint NOT NULL DEFAULT 0,
    ADD incarnation     text NOT NULL DEFAULT '',
    ADD shape           text NOT NULL DEFAULT '',
    ADD read_from       timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD pinned_by       text NOT NULL DEFAULT '';
DELETE FROM ferry.floor;  -- those of the first version say too little of where they were taken: one full cycle leaves new ones

ALTER TABLE ferry.entity_state DROP CONSTRAINT entity_state_run_id_fkey;
ALTER TABLE ferry.entity_state
    ADD waived   bigint NOT NULL DEFAULT 0,
    ADD exact    boolean NOT NULL DEFAULT true,         -- both sides were counted at one moment
    ADD swept_at timestamptz,                           -- when the ids of both sides were last compared
    ADD columns  jsonb;                                 -- of the source's table when it was last looked at

ALTER TABLE ferry.extra DROP CONSTRAINT extra_run_id_fkey;
ALTER TABLE ferry.extra
    ADD kept        text NOT NULL DEFAULT '',           -- why it is not deleted although the policy says so
    ADD accepted_as text NOT NULL DEFAULT '';           -- the policy under which a run ended with it: what nobody was asked about is ''

ALTER TABLE ferry.quarantine DROP CONSTRAINT quarantine_run_id_fkey;
ALTER TABLE ferry.quarantine
    ADD due         boolean NOT NULL DEFAULT false,     -- the next cycle reads it again
    ADD waived_by   text NOT NULL DEFAULT '',
    ADD waived_note text NOT NULL DEFAULT '',
    ADD waived_at   timestamptz;
CREATE INDEX quarantine_due ON ferry.quarantine (entity, source_id)
    WHERE due AND state IN ('open', 'waiting_parent', 'waived');
CREATE INDEX quarantine_by_owner ON ferry.quarantine (entity, owner_id)
    WHERE state IN ('open', 'waiting_parent', 'waived') AND owner_id IS NOT NULL;

-- When ticks come: one at a time among all processes.
CREATE TABLE ferry.schedule (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    every     interval NOT NULL DEFAULT '20 seconds',
    next_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_by text NOT NULL DEFAULT '',                 -- empty: not paused
    paused_at timestamptz,
    reason    text NOT NULL DEFAULT ''
);
INSERT INTO ferry.schedule DEFAULT VALUES;
ALTER TABLE ferry.worker ADD keeps boolean NOT NULL DEFAULT false;  -- it starts ticks

-- How late what became visible may have been: an upper bound for every completed run.
CREATE TABLE ferry.tick (
    run_id     bigint NOT NULL,
    visible_at timestamptz NOT NULL PRIMARY KEY,
    bound_ms   bigint NOT NULL,                         -- visible_at − when the completed run before began to read
    rows       bigint NOT NULL
);

-- What is done about rows that are gone, and how many of them are too many. Seeded from the program's defaults, changed
-- only by an action that the journal keeps.
CREATE TABLE ferry.policy (
    name  text PRIMARY KEY,
    value text NOT NULL
);
