-- Codes that people typed. '#' stands for the group's number (nothing in the first group), so that every group holds each of
-- them once and the collisions after trim and upper case stay inside the group. '@' entries are made in ledger.sql.
CREATE TEMPORARY TABLE demo_code (n integer PRIMARY KEY, template text NOT NULL) ON COMMIT DROP;

INSERT INTO demo_code (n, template)
SELECT ordinality - 1, template
FROM unnest(ARRAY[
    'welcome-2024#', 'WELCOME-2024#', 'Welcome-2024#',
    'gift one#', 'Gift One#',
    '  lead#', 'LEAD#',
    'trail#  ', 'trail#',
    'two  spaces#',
    E'\ttab#\t', 'TAB#', E'inner\ttab#',
    E'line\nbreak#', E'bell\x07#',
    'STRASSE#', 'straße#', 'Straße#', 'strasse#',
    'İstanbul#', 'istanbul#', 'ISTANBUL#', 'ıstanbul#',
    'ｆｕｌｌｗｉｄｔｈ#', 'ＦＵＬＬＷＩＤＴＨ#',
    'รหัส-๐๑#',
    'emoji-🎁#', E'family-\U0001F468\u200D\U0001F469\u200D\U0001F467#',
    'o''brien#', '"quoted"#', 'back\slash#',
    'NULL#', 'null#', '\N#',
    E'\x1b[31mred#\x1b[0m', E'\x1b]0;title#\x07',
    E'\u202Edesrever#\u202C', E'\u2066isolate#',
    E'zero\u200Bwidth#', E'\uFEFFbom#',
    E'\u00A0nbsp#\u00A0', 'NBSP#', E'\u3000wide space#\u3000',
    'café#', E'cafe\u0301#',
    '0#', '000123#', '123#', '1e5#',
    '=1+1#', '''; DROP TABLE loyalty_card; --#', '%s%n{{.}}#', '../../etc/passwd#',
    '@long', '@blank', '@upper', '@padded'
]) WITH ORDINALITY AS t (template, ordinality);
