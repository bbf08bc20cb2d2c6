-- Alerts: when service levels were judged, what fires, and what became of each message on each channel.

-- +goose Up

-- Whoever is first when levels are due to be judged takes the row, and judges.
CREATE TABLE ferry.monitor (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    judged_at  timestamptz,                             -- when what was judged had been read
    counted_at timestamptz,                             -- when the last cycle that was judged had counted
    judged_by  text NOT NULL DEFAULT '',
    next_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    levels     jsonb NOT NULL DEFAULT '[]'
);
INSERT INTO ferry.monitor DEFAULT VALUES;

-- An alert from when it fires until all has been well for a while. The next time it fires is another row.
CREATE TABLE ferry.alert (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule        text NOT NULL,
    entity      text NOT NULL DEFAULT '',               -- empty: of all
    severity    text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    text        text NOT NULL,
    fired_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    clear_since timestamptz,                            -- all has been well since
    resolved_at timestamptz,
    told        boolean NOT NULL DEFAULT false,         -- somebody was told that it fires
    told_at     timestamptz                             -- when somebody was last told anything of it
);
CREATE UNIQUE INDEX alert_open ON ferry.alert (rule, entity) WHERE resolved_at IS NULL;
CREATE INDEX alert_over ON ferry.alert (resolved_at) WHERE resolved_at IS NOT NULL;

-- The channels that processes have, by their names without secrets.
CREATE TABLE ferry.channel (
    name    text PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One message on one channel. Any process that has the channel sends it, until it is through or a day old.
CREATE TABLE ferry.delivery (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES ferry.alert ON DELETE CASCADE,
    channel    text NOT NULL,
    message    text NOT NULL CHECK (message IN ('firing', 'resolved', 'reminder')),
    severity   text NOT NULL,
    text       text NOT NULL,
    state      text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'given_up')),
    tries      integer NOT NULL DEFAULT 0,
    worker     text NOT NULL DEFAULT '',                -- who tried last
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- while somebody tries: when others may
    sent_at    timestamptz,
    error      text NOT NULL DEFAULT ''                 -- of the last try
);
CREATE INDEX delivery_pending ON ferry.delivery (channel, next_at) WHERE state = 'pending';
CREATE INDEX delivery_by_alert ON ferry.delivery (alert_id, id);
