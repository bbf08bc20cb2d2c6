-- The tables as Odoo 18 makes them: its column order, its types, and the columns that nobody here reads.
-- Keys, indexes and references come last, in keys.sql: heaps fill faster without them.

CREATE TABLE public.res_partner (
    id integer NOT NULL,
    name character varying,
    active boolean,
    create_uid integer,
    write_uid integer,
    create_date timestamp without time zone,
    write_date timestamp without time zone
);

CREATE TABLE public.loyalty_program (
    id integer NOT NULL,
    sequence integer,
    company_id integer,
    currency_id integer NOT NULL,
    max_usage integer,
    create_uid integer,
    write_uid integer,
    program_type character varying NOT NULL,
    applies_on character varying NOT NULL,
    trigger character varying,
    date_from date,
    date_to date,
    name jsonb NOT NULL,
    portal_point_name jsonb,
    active boolean,
    limit_usage boolean,
    portal_visible boolean,
    create_date timestamp without time zone,
    write_date timestamp without time zone,
    pos_ok boolean,
    sale_ok boolean,
    CONSTRAINT loyalty_program_check_max_usage CHECK (((limit_usage = false) OR (max_usage > 0)))
);

CREATE TABLE public.loyalty_card (
    id integer NOT NULL,
    program_id integer,
    company_id integer,
    partner_id integer,
    create_uid integer,
    write_uid integer,
    code character varying NOT NULL,
    expiration_date date,
    active boolean,
    create_date timestamp without time zone,
    write_date timestamp without time zone,
    points double precision,
    source_pos_order_id integer,
    order_id integer,
    remaining_referral_usage integer,
    partner_referral_code character varying
);

CREATE TABLE public.loyalty_point_move (
    id integer NOT NULL,
    expired_interval integer,
    loyalty_card_id integer NOT NULL,
    membership_product_id integer,
    create_uid integer,
    write_uid integer,
    name character varying,
    expired_interval_type character varying,
    origin character varying,
    state character varying,
    gain_date timestamp without time zone NOT NULL,
    expiration_date timestamp without time zone,
    create_date timestamp without time zone,
    write_date timestamp without time zone,
    initial_point double precision,
    remaining_point double precision
);

CREATE TABLE public.loyalty_point_history (
    id integer NOT NULL,
    loyalty_card_id integer,
    partner_id integer,
    point_move_id integer,
    membership_product_id integer,
    status_membership_product_id integer,
    create_uid integer,
    write_uid integer,
    name character varying,
    origin character varying,
    transaction_time timestamp without time zone NOT NULL,
    create_date timestamp without time zone,
    write_date timestamp without time zone,
    points_amount double precision,
    points_balance double precision
);

CREATE SEQUENCE public.res_partner_id_seq AS integer OWNED BY public.res_partner.id;
CREATE SEQUENCE public.loyalty_program_id_seq AS integer OWNED BY public.loyalty_program.id;
CREATE SEQUENCE public.loyalty_card_id_seq AS integer OWNED BY public.loyalty_card.id;
CREATE SEQUENCE public.loyalty_point_move_id_seq AS integer OWNED BY public.loyalty_point_move.id;
CREATE SEQUENCE public.loyalty_point_history_id_seq AS integer OWNED BY public.loyalty_point_history.id;

ALTER TABLE public.res_partner ALTER COLUMN id SET DEFAULT nextval('public.res_partner_id_seq'::regclass);
ALTER TABLE public.loyalty_program ALTER COLUMN id SET DEFAULT nextval('public.loyalty_program_id_seq'::regclass);
ALTER TABLE public.loyalty_card ALTER COLUMN id SET DEFAULT nextval('public.loyalty_card_id_seq'::regclass);
ALTER TABLE public.loyalty_point_move ALTER COLUMN id SET DEFAULT nextval('public.loyalty_point_move_id_seq'::regclass);
ALTER TABLE public.loyalty_point_history ALTER COLUMN id SET DEFAULT nextval('public.loyalty_point_history_id_seq'::regclass);
