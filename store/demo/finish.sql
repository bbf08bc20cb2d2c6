-- Sequences continue where the ids end, and the planner learns what is there.
SELECT setval('public.res_partner_id_seq', (SELECT max(id) FROM public.res_partner));
SELECT setval('public.loyalty_program_id_seq', (SELECT max(id) FROM public.loyalty_program));
SELECT setval('public.loyalty_card_id_seq', coalesce(max(id), 1), max(id) IS NOT NULL) FROM public.loyalty_card;
SELECT setval('public.loyalty_point_move_id_seq', coalesce(max(id), 1), max(id) IS NOT NULL) FROM public.loyalty_point_move;
SELECT setval('public.loyalty_point_history_id_seq', coalesce(max(id), 1), max(id) IS NOT NULL) FROM public.loyalty_point_history;

ANALYZE public.res_partner, public.loyalty_program, public.loyalty_card, public.loyalty_point_move, public.loyalty_point_history;

DROP FUNCTION pg_temp.u, pg_temp.spread, pg_temp.cents, pg_temp.price, pg_temp.day_job, pg_temp.origin;
