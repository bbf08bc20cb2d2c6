-- Odoo's own truth: cards whose balances disagree at the source.

-- +goose Up

-- A card whose balances disagreed when its range was looked at last. Amounts are the source's, as text: they may be NaN.
CREATE TABLE ferry.ledger (
    card         bigint PRIMARY KEY,
    code         text NOT NULL,
    points       text,
    last_balance text,                       -- NULL: the card has no history
    moves        text,                       -- NULL: the card has no moves
    drifts       text[] NOT NULL,
    size         numeric NOT NULL,           -- the largest distance; NaN where one of them is no finite number
    run_id       bigint NOT NULL,
    seen_at      timestamptz NOT NULL
);
CREATE INDEX ledger_by_size ON ferry.ledger (size, card);

-- The ranges of cards that were looked at, and what was counted in each: ids above low up to high. None overlap.
CREATE TABLE ferry.ledger_range (
    low        bigint PRIMARY KEY,
    high       bigint NOT NULL,
    cards      bigint NOT NULL,              -- at the source
    drifted    bigint NOT NULL,
    history    bigint NOT NULL,              -- of drifted, by kind
    moves      bigint NOT NULL,
    incomplete bigint NOT NULL,              -- in the engine: the latest history line is in quarantine
    run_id     bigint NOT NULL,
    seen_at    timestamptz NOT NULL
);
