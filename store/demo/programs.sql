-- The programs of the shop, in Odoo's types.
INSERT INTO public.loyalty_program (id, company_id, currency_id, create_uid, write_uid, program_type, applies_on, trigger, date_to,
    name, portal_point_name, active, portal_visible, create_date, write_date, pos_ok, sale_ok)
SELECT p.id, CASE WHEN p.id = 3 THEN NULL ELSE 1 END, 1, 1, 1, p.kind, p.applies_on, p.trigger, p.date_to,
    jsonb_build_object('en_US', p.name), jsonb_build_object('en_US', p.unit), p.id <> 9, p.id = 1, start.at, start.at, true, true
FROM (VALUES
    (1, 'gift_card', 'future', 'auto', NULL::date, 'Gift Cards', 'EUR'),
    (2, 'loyalty', 'both', 'auto', NULL, 'Loyalty Cards', 'points'),
    (3, 'loyalty', 'both', 'auto', NULL, 'Members Club', 'points'),
    (4, 'gift_card', 'future', 'auto', NULL, 'Festive Gift Cards', 'EUR'),
    (5, 'ewallet', 'future', 'auto', NULL, 'eWallet', 'EUR'),
    (6, 'coupons', 'current', 'with_code', @epoch::timestamp::date + 365, 'Welcome Coupons', 'coupon'),
    (7, 'next_order_coupons', 'future', 'auto', NULL, 'Next Order Coupons', 'coupon'),
    (8, 'promotion', 'current', 'auto', NULL, 'Summer Promotion', 'points'),
    (9, 'loyalty', 'both', 'auto', NULL, 'Old Stamp Card', 'stamps')
) AS p (id, kind, applies_on, trigger, date_to, name, unit),
LATERAL (SELECT @epoch::timestamp - interval '1200 days' + p.id * interval '00:00:00.041373' AS at) AS start
ORDER BY p.id;
