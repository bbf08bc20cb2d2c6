-- What the generation steps share. All of it is temporary: the functions are dropped in finish.sql, the table at commit.

-- u is the only source of chance: a number in [0, 1) that depends on the seed, on what it is drawn for and on the salt.
-- It is one plain expression, so that the planner inlines it and folds the inner hash into a constant.
CREATE FUNCTION pg_temp.u(key bigint, seed bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ((hashint8extended(key, hashint8extended(salt, seed)) >> 11) & 9007199254740991)::double precision / 9007199254740992;

-- spread turns a running number into an id with gaps, as rolled back transactions and deletions leave them.
CREATE FUNCTION pg_temp.spread(n bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (n + n / 29 + n / 1000 * 13)::integer;

CREATE FUNCTION pg_temp.cents(v double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(v * 100) / 100;

-- price makes the points of a purchase out of two draws: whole numbers, cents, thirds, and the tenths that binary floats can't hold.
CREATE FUNCTION pg_temp.price(kind double precision, v double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN kind < 0.35 THEN round(5 + v * 495)
            WHEN kind < 0.75 THEN round(100 + v * 25000) / 100
            WHEN kind < 0.90 THEN round(1 + v * 999) / 10
            WHEN kind < 0.97 THEN round((1 + v * 300) / 3 * 1000000) / 1000000
            ELSE round(1 + v * 6) / 10 END;

-- day_job is when the nightly import after a moment ran: one transaction start for all its rows.
CREATE FUNCTION pg_temp.day_job(at timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_trunc('day', at) + interval '1 day 02:00:07.318204';

-- origin names the order behind a ledger row.
CREATE FUNCTION pg_temp.origin(card bigint, step bigint, chance double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN chance < 0.45 THEN 'POS/' WHEN chance < 0.75 THEN 'S/' WHEN chance < 0.9 THEN 'Shop//' ELSE 'R/' END
    || lpad((card * 13 + step)::text, 5, '0');

-- Ledger rows on their way from the cards, in whose order they are made, to the history, which is in the order of time.
-- One partition per stretch of time: each is sorted alone and in memory, and progress shows.
CREATE TEMPORARY TABLE demo_event (
    stretch smallint NOT NULL,
    kind smallint NOT NULL,       -- 0 earn, 1 use, 2 expired, 3 a note without points
    product smallint,
    card_id integer,
    partner_id integer,
    move_id integer,
    key bigint NOT NULL,          -- card ordinal * 1024 + place in the card's ledger
    at timestamp NOT NULL,
    amount double precision,
    balance double precision
) PARTITION BY LIST (stretch) ON COMMIT DROP;

DO $$
BEGIN
    FOR n IN 0..current_setting('demo.stretches')::int - 1 LOOP
        EXECUTE format('CREATE TEMPORARY TABLE %I PARTITION OF demo_event FOR VALUES IN (%s) ON COMMIT DROP', 'demo_event_' || n, n);
    END LOOP;
END $$;
