-- Later writes: a row that is updated moves to another place of the heap, so physical order is not the order of ids.
-- The cards are Odoo writing the values that were there already, which bumps write_date; the others are raw SQL, which does not.
WITH cards AS (
    UPDATE public.loyalty_card SET write_uid = 2, write_date = @epoch::timestamp - interval '3 days 04:11:09.250118'
    WHERE pg_temp.u(id, @seed::bigint, 70) < 0.03 AND isfinite(write_date)
), moves AS (
    UPDATE public.loyalty_point_move SET write_uid = 2 WHERE pg_temp.u(id, @seed::bigint, 71) < 0.02
)
UPDATE public.loyalty_point_history SET write_uid = 2 WHERE pg_temp.u(id, @seed::bigint, 72) < 0.005;
