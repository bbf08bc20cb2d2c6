-- A chunk of cards with their lots of points (loyalty_point_move) and ledger rows, each from its ordinal alone.
--
-- A card has up to three lots, counted in the order in which they expire, and that is the order in which they are used: the
-- lots before the current one are used up (or the first has expired), the current one partly, those after it not at all.
-- Either each lot is gained when the one before is used up, or all are gained first, the last to expire first.
-- Ordinals above @cards are cards that were deleted since: only their ledger remains, without a card.
--
-- MATERIALIZED keeps the planner from repeating draws; LIMIT only tells it how few rows a generate_series yields.
WITH draw AS MATERIALIZED (
    SELECT k, k > @cards::bigint AS deleted,
        CASE WHEN k > @cards::bigint THEN 0.25 ELSE pg_temp.u(k, @seed::bigint, 1) END AS class,
        pg_temp.u(k, @seed::bigint, 2) AS kind,
        @span::float8 * (0.1 + 0.9 * CASE WHEN k > @cards::bigint THEN pg_temp.u(k, @seed::bigint, 3) ELSE 1 - k / @cards::float8 END)
            + 86400 * pg_temp.u(k, @seed::bigint, 4) AS life,
        floor(pg_temp.u(k, @seed::bigint, 5) * @uses::float8)::integer AS uses,
        pg_temp.u(k, @seed::bigint, 6) AS many,
        -- An odd factor permutes the numbers below 2^32: no two cards draw the same code.
        (k * 2654435761 + floor(pg_temp.u(0, @seed::bigint, 7) * 4294967296)::bigint) & 4294967295 AS serial,
        CASE WHEN NOT @clean::boolean AND k <= @cards::bigint AND k % @typed_step::bigint = 0 THEN k / @typed_step::bigint - 1 END AS typed,
        CASE WHEN NOT @clean::boolean AND k % @odd_step::bigint = 3 THEN k / @odd_step::bigint % 13 END AS odd
    FROM generate_series(@lo::bigint, @hi::bigint) AS k
), mixed AS MATERIALIZED (
    SELECT *, ((serial # (serial >> 15)) * 1597334677) & 4294967295 AS hashed,
        CASE WHEN class < 0.20 THEN 0 WHEN class < 0.30 OR many < 0.643 THEN 1 WHEN many < 0.929 THEN 2 ELSE 3 END AS lots,
        class >= 0.30 AS stored -- else the ledger is older than the lots, and was used up before they were introduced
    FROM draw
), shaped AS MATERIALIZED (
    SELECT *, lpad(to_hex(hashed # (hashed >> 16)), 8, '0') AS hex,
        CASE WHEN lots = 0 THEN 0 WHEN stored THEN uses ELSE greatest(uses, 1) END AS used,
        CASE WHEN lots = 0 THEN 0 ELSE least(lots, CASE WHEN stored THEN uses ELSE 1 END, 1 + floor(pg_temp.u(k, @seed::bigint, 8) * lots)::integer) END AS touched
    FROM mixed
), card AS MATERIALIZED (
    SELECT *, pg_temp.spread(k) AS id, @epoch::timestamp - make_interval(secs => life) AS created, lots + used AS events,
        NOT stored OR pg_temp.u(k, @seed::bigint, 9) < 0.25 AS spent,
        lots > 1 AND pg_temp.u(k, @seed::bigint, 10) < 0.5 AS gained_first,
        NOT @clean::boolean AND pg_temp.u(k, @seed::bigint, 11) < 0.003 AS overdrawn,
        pg_temp.u(k, @seed::bigint, 12) AS drift,
        CASE WHEN NOT deleted AND (@clean::boolean OR pg_temp.u(k, @seed::bigint, 13) >= @partnerless::float8)
             THEN 7 + floor(pg_temp.u(k, @seed::bigint, 14) * @partners::float8)::integer END AS partner_id,
        '044' || substr(hex, 1, 1) || '-' || substr(hex, 2, 4) || '-4' || substr(hex, 6, 3) AS made_code
    FROM shaped
), planned AS MATERIALIZED (
    SELECT k, j, id, deleted, stored, partner_id, life, events, lots, gained_first, overdrawn, k * 4 + j AS key,
        CASE WHEN j <= touched THEN used / touched + (j <= used % touched)::integer ELSE 0 END AS uses,
        -- how many uses come before this lot's
        CASE WHEN touched = 0 THEN 0 ELSE least(j - 1, touched) * (used / touched) + least(j - 1, used % touched) END AS before,
        j < touched OR (j = touched AND spent) AS closed,
        pg_temp.price(pg_temp.u(k * 4 + j, @seed::bigint, 20), pg_temp.u(k * 4 + j, @seed::bigint, 21)) AS initial
    FROM card, LATERAL (SELECT * FROM generate_series(1, lots) LIMIT 3) AS g (j)
), placed AS MATERIALIZED (
    SELECT *,
        CASE WHEN gained_first THEN lots + 1 - j ELSE j + before END AS earned_at,
        CASE WHEN gained_first THEN lots ELSE j END + before AS used_after,
        closed AND stored AND j = 1 AND pg_temp.u(key, @seed::bigint, 22) < 0.4 AS lapsed,
        NOT @clean::boolean AND uses > 2 AND pg_temp.u(key, @seed::bigint, 23) < 0.03 AS noted,
        0.1 + 0.8 * pg_temp.u(key, @seed::bigint, 24) AS part,
        (ARRAY[5, 6, 7, NULL])[1 + floor(pg_temp.u(key, @seed::bigint, 25) * 4)::integer] AS product,
        sum(initial) OVER (PARTITION BY k) AS earned
    FROM planned
), lot AS MATERIALIZED (
    SELECT *,
        @epoch::timestamp - make_interval(secs => life * (1 - (earned_at - 0.9 + 0.8 * pg_temp.u(k * 1024 + earned_at, @seed::bigint, 42)) / events)) AS gained,
        CASE WHEN uses > 0 THEN
            @epoch::timestamp - make_interval(secs => life * (1 - (used_after + uses - 0.9 + 0.8 * pg_temp.u(k * 1024 + used_after + uses, @seed::bigint, 42)) / events))
        END AS last_used,
        CASE WHEN closed AND NOT lapsed THEN 1 ELSE part END AS portion,
        uses - noted::integer - lapsed::integer AS parts
    FROM placed
), numbered AS MATERIALIZED (
    SELECT *, @moves::bigint + row_number() OVER (ORDER BY gained, key) AS n
    FROM lot
    WHERE stored
), move AS (
    SELECT *,
        CASE WHEN closed THEN 0 WHEN uses = 0 THEN initial ELSE initial - pg_temp.cents(initial * portion) END AS remaining,
        CASE WHEN lapsed THEN date_trunc('second', last_used)
             WHEN j = lots AND pg_temp.u(key, @seed::bigint, 26) < 0.3 THEN NULL -- for life, so used last
             ELSE date_trunc('second', gained) + make_interval(days => @epoch::timestamp::date - gained::date
                + j * 150 + floor(pg_temp.u(key, @seed::bigint, 27) * 120)::integer
                -- Some expire late: the job that does it has not come round.
                - CASE WHEN pg_temp.u(k, @seed::bigint, 29) < 0.1 THEN 200 ELSE 0 END) END AS expires,
        coalesce(last_used, gained) AS written,
        pg_temp.u(key, @seed::bigint, 28) AS drift,
        pg_temp.origin(k, earned_at, pg_temp.u(k * 1024 + earned_at, @seed::bigint, 43)) AS origin,
        CASE WHEN NOT @clean::boolean AND n % @odd_step::bigint = 4 THEN n / @odd_step::bigint % 12 END AS odd
    FROM numbered
    OFFSET 0
), stored_move AS (
    INSERT INTO public.loyalty_point_move (id, expired_interval, loyalty_card_id, membership_product_id, create_uid, write_uid, name,
        expired_interval_type, origin, state, gain_date, expiration_date, create_date, write_date, initial_point, remaining_point)
    SELECT pg_temp.spread(n), coalesce(expires::date - gained::date, 0), id, product, 1, 1,
        'Earn ' || origin, CASE WHEN expires IS NULL THEN NULL ELSE 'day' END,
        CASE WHEN odd = 11 THEN E'S/\x1b[2J\u202E00001' ELSE origin END,
        CASE WHEN odd = 3 THEN 'cancelled' WHEN odd = 4 THEN NULL WHEN lapsed THEN 'expired' WHEN closed THEN 'depleted' ELSE 'active' END,
        CASE WHEN odd = 6 THEN '-infinity' ELSE date_trunc('second', gained) END,
        CASE WHEN odd = 5 THEN 'infinity' ELSE expires END,
        CASE WHEN key % 10 < 3 THEN pg_temp.day_job(gained) ELSE gained END,
        CASE WHEN NOT @clean::boolean AND drift > 0.998 THEN NULL
             WHEN key % 10 < 3 THEN pg_temp.day_job(written) ELSE written END,
        CASE odd WHEN 7 THEN NULL WHEN 8 THEN 'Infinity' WHEN 9 THEN 1e22 ELSE initial END,
        CASE WHEN odd = 0 THEN 'NaN' WHEN odd = 1 THEN initial + 10 WHEN odd = 2 THEN -5 WHEN odd = 7 THEN NULL
             WHEN odd = 9 THEN 1e22 WHEN odd = 10 THEN -1.33e-15
             WHEN NOT @clean::boolean AND drift < 0.01 AND remaining > 2 THEN floor(remaining / 2)
             ELSE remaining END
    FROM move
    ORDER BY n
    RETURNING 1
), step AS MATERIALIZED (
    SELECT l.k, l.id, l.deleted, l.partner_id, l.life, l.events, l.product, n.n, i,
        CASE WHEN i = 0 THEN 0 WHEN noted AND i = 1 THEN 3 WHEN lapsed AND i = uses THEN 2 ELSE 1 END AS kind,
        CASE WHEN i = 0 THEN earned_at ELSE used_after + i END AS place,
        -- What is used of the lot after this row and before it; the differences carry the residue of binary floats.
        CASE WHEN i = 0 THEN 0 WHEN closed AND i = uses THEN initial WHEN i <= noted::integer THEN 0
             ELSE pg_temp.cents(initial * portion * (i - noted::integer + CASE WHEN i - noted::integer < parts THEN 0.6 * pg_temp.u(l.key * 1024 + i, @seed::bigint, 30) - 0.3 ELSE 0 END) / parts)
        END AS used_now,
        CASE WHEN i - 1 <= noted::integer THEN 0
             ELSE pg_temp.cents(initial * portion * (i - 1 - noted::integer + CASE WHEN i - 1 - noted::integer < parts THEN 0.6 * pg_temp.u(l.key * 1024 + i - 1, @seed::bigint, 30) - 0.3 ELSE 0 END) / parts)
        END AS used_before,
        initial, earned, overdrawn
    FROM lot AS l
    LEFT JOIN (SELECT key, n FROM numbered) AS n USING (key),
    LATERAL (SELECT * FROM generate_series(0, uses) LIMIT @most::bigint) AS g (i)
), entry AS MATERIALIZED (
    SELECT *, k * 1024 + place AS key,
        CASE WHEN kind = 3 THEN NULL
             WHEN overdrawn AND place = events AND i > 0 THEN used_before - used_now - earned - 5.5
             WHEN i = 0 THEN initial
             ELSE used_before - used_now END AS amount
    FROM step
), event AS MATERIALIZED (
    SELECT *, sum(amount) OVER (PARTITION BY k ORDER BY place) AS balance,
        life * (1 - (place - 0.9 + 0.8 * pg_temp.u(key, @seed::bigint, 42)) / events) AS ago
    FROM entry
), stored_event AS (
    INSERT INTO demo_event (stretch, kind, product, card_id, partner_id, move_id, key, at, amount, balance)
    SELECT greatest(0, @stretches::integer - 1 - floor(ago / @span::float8 * @stretches::integer)::integer), kind,
        CASE WHEN i = 0 THEN product END, CASE WHEN NOT deleted THEN id END, partner_id, pg_temp.spread(n),
        key, @epoch::timestamp - make_interval(secs => ago), amount, balance
    FROM event
    RETURNING 1
), last AS (
    SELECT k, balance, ago FROM event WHERE place = events
), coded AS (
    SELECT c.*, l.balance, l.ago, code.template,
        c.typed / (SELECT count(*) FROM demo_code) AS grp,
        CASE WHEN c.typed >= (SELECT count(*) FROM demo_code) THEN '-' || c.typed / (SELECT count(*) FROM demo_code) ELSE '' END AS suffix,
        lag(made_code, 1, made_code) OVER (ORDER BY c.k) AS neighbour,
        lag(made_code, 2, made_code) OVER (ORDER BY c.k) AS second_neighbour,
        pg_temp.u(c.k, @seed::bigint, 15) AS archive, pg_temp.u(c.k, @seed::bigint, 16) AS misc
    FROM card AS c
    LEFT JOIN last AS l USING (k)
    LEFT JOIN demo_code AS code ON code.n = c.typed % (SELECT count(*) FROM demo_code)
    WHERE NOT deleted
), stored_card AS (
    INSERT INTO public.loyalty_card (id, program_id, company_id, partner_id, create_uid, write_uid, code, expiration_date, active,
        create_date, write_date, points, remaining_referral_usage, partner_referral_code)
    SELECT id,
        CASE WHEN odd = 9 THEN NULL WHEN class < 0.10 THEN (ARRAY[1, 4, 4, 6, 6, 6, 7])[1 + floor(kind * 7)::integer]
             ELSE (ARRAY[2, 2, 2, 2, 2, 3, 3, 5, 8, 9])[1 + floor(kind * 10)::integer] END,
        CASE WHEN misc < 0.9 THEN 1 END, partner_id, 1, 1,
        CASE template
            WHEN '@long' THEN rpad('LONG' || suffix || '-', 120, 'x')
            WHEN '@blank' THEN repeat(' ', 1 + grp::integer)
            WHEN '@upper' THEN coalesce(nullif(upper(neighbour), neighbour), neighbour || ' ') -- a code may have no letter
            WHEN '@padded' THEN ' ' || second_neighbour || ' '
            ELSE coalesce(replace(template, '#', suffix), made_code) END,
        CASE WHEN class < 0.10 THEN @epoch::timestamp::date + 365 END,
        CASE WHEN archive < 0.03 THEN false WHEN archive > 0.995 THEN NULL ELSE true END,
        CASE WHEN odd = 7 THEN 'infinity' WHEN odd = 10 THEN NULL ELSE created END,
        CASE WHEN odd = 8 THEN '-infinity' WHEN odd = 10 THEN NULL
             WHEN NOT @clean::boolean AND archive BETWEEN 0.500 AND 0.502 THEN NULL
             -- A module installation gave these one identical write_date.
             WHEN misc < 0.10 THEN @epoch::timestamp - interval '40 days 06:12:44.871209'
             ELSE coalesce(@epoch::timestamp - make_interval(secs => ago), created) END,
        CASE odd WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN 1e22 WHEN 4 THEN 1e16
             WHEN 5 THEN -1.33e-15 WHEN 6 THEN 2.675 WHEN 11 THEN 9999999999999998 WHEN 12 THEN 1.005
             ELSE CASE WHEN balance IS NULL THEN
                           CASE WHEN class < 0.10 THEN (ARRAY[1, 25, 50, 100])[1 + floor(misc * 4)::integer] WHEN misc < 0.5 THEN NULL ELSE 0 END
                       WHEN NOT @clean::boolean AND drift < @drifted::float8 THEN balance + CASE WHEN drift < @drifted::float8 / 2 AND balance > 60 THEN -1 ELSE 1 END * (1 + floor(misc * 50))
                       ELSE balance END
        END,
        CASE WHEN misc > 0.95 THEN 3 + k % 3 END, CASE WHEN misc > 0.95 THEN 'REF' || lpad(k::text, 5, '0') END
    FROM coded
    ORDER BY k
    RETURNING 1
)
SELECT (SELECT count(*) FROM stored_card) AS cards, (SELECT count(*) FROM stored_move) AS moves, (SELECT count(*) FROM stored_event) AS events;
