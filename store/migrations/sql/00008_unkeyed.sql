-- A first load may fill the engine's tables without keys, and build these behind the rows.

-- +goose Up

ALTER TABLE ferry.run ADD COLUMN unkeyed boolean NOT NULL DEFAULT false;

-- The run that must come to its end before the engine's tables have keys again; no row: they have.
CREATE TABLE ferry.unkeyed (
    run_id bigint NOT NULL REFERENCES ferry.run,
    one    boolean PRIMARY KEY DEFAULT true CHECK (one)
);
