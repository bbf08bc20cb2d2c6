-- How fast runs may go is a policy that counts at once, so it is said who set it, when, and why.

-- +goose Up

ALTER TABLE ferry.policy
    ADD set_by text NOT NULL DEFAULT '',
    ADD set_at timestamptz,                             -- NULL: nobody has set it since the engine database was made
    ADD reason text NOT NULL DEFAULT '';

-- Until then the rows that a run has read are paid for, at the rate that policy "throttle" lets it go.
ALTER TABLE ferry.run ADD paid_until timestamptz;
