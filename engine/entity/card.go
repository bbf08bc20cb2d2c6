package entity

// Card is a loyalty card. Its code is unique after cleaning; its points in the engine are settled from its ledger.
var Card = register(&Entity{
	Name:   "loyalty_card",
	Short:  "card",
	Target: "loyalty_cards",
	OdooID: "odoo_card_id",
	Columns: []Column{
		cardCode:    {Source: "code", Target: "code", Kind: KindText},
		cardPartner: {Source: "partner_id", Target: "partner_id", Kind: KindInt},
		cardProgram: {Source: "program_id", Target: "program_id", Kind: KindInt},
		cardPoints:  {Source: "points", Target: "odoo_points", Kind: KindPoints},
		cardCreated: {Source: "create_date", Target: "created_at", Kind: KindTime},
		cardUpdated: {Source: "write_date", Target: "updated_at", Kind: KindTime},
	},
	Code:    cardCode,
	Derived: []Derived{{Target: "points", From: cardPoints}},
	Clean: func(row *Row) {
		row.Values[cardCode].Text = CleanCode(row.Values[cardCode].Text)
	},
	Rules: []Rule{
		brokenAlways("card.code_empty", "its code is empty", func(r Row) bool { return r.Values[cardCode].Text == "" }),
		brokenAlways("card.code_too_long", "its code is longer than 1000 bytes", func(r Row) bool {
			return len(r.Values[cardCode].Text) > MaxCode
		}),
		pointsInvalid("card.points_invalid"),
		timestampInvalid("card.timestamp_invalid"),
		brokenWhen("card.partner_missing", "it has no partner", func(r Row) bool { return r.Values[cardPartner].Missing() }),
		brokenWhen("card.program_missing", "it has no program", func(r Row) bool { return r.Values[cardProgram].Missing() }),
		brokenWhen("card.points_negative", "its points are negative", func(r Row) bool { return r.Values[cardPoints].Int < 0 }),
	},
	Table: Table{
		Fill: 90,
		Columns: append([]TableColumn{
			{Name: "id", Type: typeBigint, NotNull: true},
			{Name: "odoo_card_id", Type: typeBigint},
			{Name: "code", Type: typeText, NotNull: true},
			{Name: "partner_id", Type: typeBigint},
			{Name: "program_id", Type: typeBigint},
			{Name: "points", Type: typePoints, NotNull: true},
			{Name: "odoo_points", Type: typePoints},
			{Name: "created_at", Type: typeTime},
			{Name: "updated_at", Type: typeTime},
		}, syncColumns()...),
		Unique: []Unique{
			{Name: "loyalty_cards_odoo_card_id_key", Column: "odoo_card_id"},
			{Name: "loyalty_cards_code_key", Column: "code", Deferred: true},
		},
		Indexes: []Index{{Name: "loyalty_cards_partner_id_idx", Keys: "partner_id"}},
	},
})

const (
	cardCode = iota
	cardPartner
	cardProgram
	cardPoints
	cardCreated
	cardUpdated
)
