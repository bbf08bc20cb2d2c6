-- A source in which hardly a row is well. What Odoo's own tables would refuse (a move without a card, two cards of one
-- code) is there too: a reader must not rely on constraints that somebody may have dropped.
--
-- Every value is drawn from a row's id and hostile.seed, so the same functions serve to change rows later.

CREATE FUNCTION chance(id bigint, salt integer, among integer) RETURNS integer LANGUAGE sql STABLE
RETURN ((hashint8extended(id, hashint8extended(salt, current_setting('hostile.seed')::bigint)) >> 11) & 9007199254740991) % among;

-- Most numbers are of points; the others are none, or too large, or between two roundings.
CREATE FUNCTION points_of(id bigint) RETURNS double precision LANGUAGE sql STABLE
RETURN CASE WHEN chance(id, 1, 5) > 0 THEN chance(id, 2, 100000) / 8.0 ELSE
    (ARRAY['NaN', 'Infinity', '-Infinity', '1e22', '-1e22', '1e308', '5e-324', '-0', '9999999999999998', '1e16', '9999999999999999.99',
        '-0.004', '-0.005', '-5', '0.005', '1.005', '0.1', '2.675', '100.00000149', NULL])[1 + chance(id, 3, 20)]::float8 END;

-- Every control character but NUL, which no text holds; what terminals obey; what is not one character but several.
CREATE FUNCTION text_of(id bigint) RETURNS text LANGUAGE sql STABLE
RETURN CASE chance(id, 4, 8)
    WHEN 0 THEN chr(1 + chance(id, 5, 31)) || 'control' || chr(127 + chance(id, 6, 33))
    WHEN 1 THEN (ARRAY[E'\x1b[31mred', E'\u202Eright to left', E'\uFEFFmark', E'a\tb', E'a\r\nb', '\N', '\.', 'NULL', '', ' ', E'\U0010FFFF', E'\uFFFE'])
        [1 + chance(id, 7, 12)]
    WHEN 2 THEN NULL
    ELSE 'POS/' || id END;

-- Codes of which many are the same after cleaning, some are nothing then, and some are too long.
CREATE FUNCTION code_of(id bigint) RETURNS text LANGUAGE sql STABLE
RETURN CASE chance(id, 8, 12)
    WHEN 0 THEN repeat(' ', chance(id, 9, 3)) || (ARRAY['shared', 'SHARED', 'ShArEd' || E'\t'])[1 + chance(id, 10, 3)] || chance(id, 11, 500)
    WHEN 1 THEN 'twice-' || id / 2
    WHEN 2 THEN 'TWICE-' || (id + 1) / 2
    WHEN 3 THEN coalesce(text_of(id), '')
    WHEN 4 THEN 'straße ' || id
    WHEN 5 THEN repeat('x', 990 + chance(id, 12, 20)) || id % 7
    WHEN 6 THEN id || '#ferry' || id
    ELSE 'code-' || id END;

CREATE FUNCTION date_of(id bigint) RETURNS timestamp LANGUAGE sql STABLE
RETURN CASE WHEN chance(id, 13, 12) > 0 THEN timestamp '2024-01-01' + id * interval '1 second' ELSE
    (ARRAY['infinity', '-infinity', '4713-01-01 BC', '294276-12-31 23:59:59.999999', '0001-01-01', NULL])[1 + chance(id, 14, 6)]::timestamp END;

-- One in ten is absent, and one in twenty never was one.
CREATE FUNCTION card_of(id bigint) RETURNS integer LANGUAGE sql STABLE
RETURN CASE WHEN chance(id, 15, 20) = 0 THEN NULL WHEN chance(id, 16, 10) = 0 THEN 2000000000 + chance(id, 17, 1000)
    ELSE 1 + chance(id, 18, current_setting('hostile.rows')::integer * 3 / 10) END;

CREATE TABLE loyalty_card (id integer PRIMARY KEY, code varchar NOT NULL, partner_id integer, program_id integer, points double precision,
    create_date timestamp, write_date timestamp);
CREATE TABLE loyalty_point_move (id integer PRIMARY KEY, loyalty_card_id integer, membership_product_id integer, gain_date timestamp,
    expiration_date timestamp, initial_point double precision, remaining_point double precision, state varchar, origin varchar,
    create_date timestamp, write_date timestamp);
CREATE TABLE loyalty_point_history (id integer PRIMARY KEY, loyalty_card_id integer, point_move_id integer, points_amount double precision,
    points_balance double precision, transaction_time timestamp, origin varchar, membership_product_id integer,
    status_membership_product_id integer, create_date timestamp);

INSERT INTO loyalty_card
SELECT id, code_of(id), CASE WHEN chance(id, 20, 6) > 0 THEN chance(id, 21, 1000) END, CASE WHEN chance(id, 22, 12) > 0 THEN 1 END,
    points_of(id), date_of(id), date_of(id + 7)
FROM generate_series(1, current_setting('hostile.rows')::integer * 3 / 10) id;

INSERT INTO loyalty_point_move
SELECT id, card_of(id), NULL, CASE WHEN chance(id, 23, 4) > 0 THEN now() ELSE date_of(id) END, date_of(id + 3), points_of(id),
    CASE WHEN chance(id, 24, 2) = 0 THEN points_of(id) ELSE points_of(id + 1) END,
    (ARRAY['active', 'depleted', 'expired', 'active', text_of(id)])[1 + chance(id, 25, 5)], text_of(id), NULL, date_of(id + 9)
FROM generate_series(1, current_setting('hostile.rows')::integer * 3 / 10) id;

-- Every so many lines have a text of a megabyte.
INSERT INTO loyalty_point_history
SELECT id, card_of(id), CASE chance(id, 26, 4) WHEN 0 THEN NULL WHEN 1 THEN 1900000000 + id ELSE 1 + chance(id, 27, current_setting('hostile.rows')::integer * 3 / 10) END,
    points_of(id), points_of(id + 1), CASE WHEN chance(id, 28, 4) > 0 THEN now() ELSE date_of(id) END,
    CASE WHEN id % current_setting('hostile.wide')::integer = 0 THEN repeat(chr(65 + chance(id, 29, 26)), 1000000) ELSE text_of(id) END, NULL, chance(id, 30, 5), date_of(id)
FROM generate_series(1, current_setting('hostile.rows')::integer * 4 / 10) id;

ANALYZE;
