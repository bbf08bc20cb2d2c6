-- The customers. Odoo's own first partners (company, administrator, public user …) keep the lowest ids.
INSERT INTO public.res_partner (id, name, active, create_uid, write_uid, create_date, write_date)
SELECT n + 6,
    (ARRAY['Ada','Ben','Chiara','Dmitri','Eszter','Farid','Greta','Hana','Ines','Jonas','Kemal','Lotte','Mai','Noor','Olga','Per'])[1 + (n + n / 16) % 16]
    || ' ' ||
    (ARRAY['Abe','Brandt','Costa','Duarte','Eriksen','Fischer','García','Horváth','Ito','Jansen','Kaya','Lefèvre','Müller','Nguyễn','Okafor','Petrov'])[1 + n / 16 % 16]
    || CASE WHEN n > 256 THEN ' ' || (n / 256)::text ELSE '' END,
    pg_temp.u(n, @seed::bigint, 90) >= 0.01, 1, 1, made.at, made.at
FROM generate_series(@lo::bigint, @hi::bigint) AS n,
LATERAL (SELECT @epoch::timestamp - make_interval(secs => @span::float8 * (1.05 - n::float8 / @partners::float8)) AS at) AS made;
