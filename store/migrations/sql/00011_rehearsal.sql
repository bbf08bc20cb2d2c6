-- Rehearsals of the cutover. Each is a run of its own kind, which writes nothing and begins other runs; what is kept here is
-- its runbook, its gates and what was seen in its course. Rehearsals are never forgotten.

-- +goose Up

CREATE TABLE ferry.rehearsal (
    run_id       bigint PRIMARY KEY REFERENCES ferry.run,
    freezing     text NOT NULL CHECK (freezing IN ('detect', 'confirm', 'none')),
    limits       jsonb NOT NULL,                        -- thresholds of the gates, frozen
    holder       text NOT NULL DEFAULT '',              -- the process that carries it out
    holder_name  text NOT NULL DEFAULT '',              -- the same for people
    held_at      timestamptz,                           -- when it last did
    breaks       integer NOT NULL DEFAULT 0,            -- how often another one had to go on with it
    confirmed_at timestamptz,                           -- an operator said that Odoo is frozen
    confirmed_by text NOT NULL DEFAULT '',
    base         jsonb,                                 -- the source's state with which later ones are compared
    frozen_at    timestamptz,
    frozen_by    text NOT NULL DEFAULT '',
    verdict      text NOT NULL DEFAULT '',
    why          text NOT NULL DEFAULT '',
    verdict_at   timestamptz,
    mark         jsonb,                                 -- the source's state that the verdict is about
    expired_at   timestamptz,                           -- when it was seen that the source has moved on
    moved        text NOT NULL DEFAULT ''
);

CREATE TABLE ferry.rehearsal_step (
    run_id      bigint NOT NULL REFERENCES ferry.rehearsal,
    seq         integer NOT NULL,
    name        text NOT NULL,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'skipped')),
    work        bigint,                                 -- the run that it began; kept as a number, for runs may be forgotten
    found       text NOT NULL DEFAULT '',
    started_at  timestamptz,
    finished_at timestamptz,
    idle        interval NOT NULL DEFAULT '0',          -- of it, the time in which nobody carried it out
    PRIMARY KEY (run_id, seq),
    UNIQUE (run_id, name)
);

CREATE TABLE ferry.rehearsal_gate (
    run_id    bigint NOT NULL REFERENCES ferry.rehearsal,
    seq       integer NOT NULL,
    name      text NOT NULL,
    verdict   text NOT NULL DEFAULT '' CHECK (verdict IN ('', 'pass', 'fail', 'could not check')),
    figure    text NOT NULL DEFAULT '',
    threshold text NOT NULL DEFAULT '',
    evidence  text NOT NULL DEFAULT '',
    advice    text NOT NULL DEFAULT '',
    shown_by  bigint,                                   -- the run that shows it
    at        timestamptz,
    asked_by  text NOT NULL DEFAULT '',                 -- somebody waits for it to be measured again
    work      bigint,                                   -- the run that was begun for that
    PRIMARY KEY (run_id, seq),
    UNIQUE (run_id, name)
);

-- What was seen in the course of a rehearsal, for its charts.
CREATE TABLE ferry.rehearsal_sample (
    run_id bigint NOT NULL REFERENCES ferry.rehearsal,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    step   text NOT NULL,
    work   bigint,
    rows   bigint NOT NULL DEFAULT 0,                   -- that the step's run had read or compared by then
    fresh  interval,                                    -- how late the engine was at most; NULL: not known
    PRIMARY KEY (run_id, at)
);
