-- One stretch of time of the ledger: numbered in the order of recording, so that neighbours belong to different cards.
WITH numbered AS MATERIALIZED (
    SELECT @before::bigint + row_number() OVER (ORDER BY at, key) AS n, kind, product, card_id, partner_id, move_id, key, at, amount, balance
    FROM demo_event
    WHERE stretch = @stretch::smallint
), drawn AS (
    SELECT *, pg_temp.u(key, @seed::bigint, 60) AS late, pg_temp.u(key, @seed::bigint, 61) AS batch, pg_temp.u(key, @seed::bigint, 62) AS lost,
        CASE WHEN NOT @clean::boolean AND n % @odd_step::bigint = 5 THEN n / @odd_step::bigint % 11 END AS odd
    FROM numbered
    OFFSET 0 -- a fence: the draws are made once, not once per use
), written AS (
    SELECT *, CASE WHEN batch < 0.30 THEN pg_temp.day_job(at) ELSE at END AS started
    FROM drawn
)
INSERT INTO public.loyalty_point_history (id, loyalty_card_id, partner_id, point_move_id, membership_product_id, status_membership_product_id,
    create_uid, write_uid, name, origin, transaction_time, create_date, write_date, points_amount, points_balance)
SELECT
    pg_temp.spread(n),
    CASE WHEN odd = 6 THEN NULL ELSE card_id END,
    partner_id,
    -- Some uses were recorded before the ledger knew which points they took.
    CASE WHEN odd = 6 OR (kind = 1 AND lost < 0.12) THEN NULL ELSE move_id END,
    product, product, 1, 1,
    (ARRAY['Earn', 'Use', 'Expired', 'Note'])[kind + 1],
    CASE WHEN odd = 8 THEN E'POS/\u202E\x1b[2J00001' ELSE pg_temp.origin(key / 1024, key % 1024, pg_temp.u(key, @seed::bigint, 43)) END,
    CASE WHEN odd = 3 THEN 'infinity'
         -- A till that was off line reports its sales hours later.
         WHEN late < 0.01 THEN date_trunc('second', at - make_interval(secs => 3600 + late * 20000000))
         ELSE date_trunc('second', at) END,
    CASE WHEN odd = 10 THEN NULL ELSE started END,
    CASE WHEN odd = 10 OR (NOT @clean::boolean AND lost > 0.998) THEN NULL ELSE started END,
    CASE odd WHEN 1 THEN 'Infinity' WHEN 7 THEN '-0' WHEN 9 THEN NULL ELSE amount END,
    CASE odd WHEN 0 THEN 'NaN' WHEN 2 THEN 1e22 WHEN 4 THEN NULL WHEN 5 THEN -1.33e-15 ELSE balance END
FROM written
ORDER BY n;
