-- Keys, indexes and references, under the names that Odoo gives them. There is no index on
-- loyalty_point_history.loyalty_card_id: production has none either.

ALTER TABLE ONLY public.res_partner ADD CONSTRAINT res_partner_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.loyalty_program ADD CONSTRAINT loyalty_program_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.loyalty_card ADD CONSTRAINT loyalty_card_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.loyalty_card ADD CONSTRAINT loyalty_card_card_code_unique UNIQUE (code);
ALTER TABLE ONLY public.loyalty_point_move ADD CONSTRAINT loyalty_point_move_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.loyalty_point_history ADD CONSTRAINT loyalty_point_history_pkey PRIMARY KEY (id);

CREATE INDEX loyalty_card__partner_id_index ON public.loyalty_card USING btree (partner_id);
CREATE INDEX loyalty_point_history__origin_index ON public.loyalty_point_history USING btree (origin);

ALTER TABLE ONLY public.loyalty_card
    ADD CONSTRAINT loyalty_card_program_id_fkey FOREIGN KEY (program_id) REFERENCES public.loyalty_program(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.loyalty_card
    ADD CONSTRAINT loyalty_card_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.res_partner(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.loyalty_point_move
    ADD CONSTRAINT loyalty_point_move_loyalty_card_id_fkey FOREIGN KEY (loyalty_card_id) REFERENCES public.loyalty_card(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.loyalty_point_history
    ADD CONSTRAINT loyalty_point_history_loyalty_card_id_fkey FOREIGN KEY (loyalty_card_id) REFERENCES public.loyalty_card(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.loyalty_point_history
    ADD CONSTRAINT loyalty_point_history_point_move_id_fkey FOREIGN KEY (point_move_id) REFERENCES public.loyalty_point_move(id) ON DELETE SET NULL;
