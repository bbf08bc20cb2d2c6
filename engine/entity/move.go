package entity

// Move is a lot of points with a lifetime, gained on a card and used up over time.
var Move = register(&Entity{
	Name:   "loyalty_point_move",
	Short:  "move",
	Target: "point_moves",
	OdooID: "odoo_move_id",
	Columns: []Column{
		moveCard:      {Source: "loyalty_card_id", Target: "loyalty_card_id", Kind: KindInt},
		moveProduct:   {Source: "membership_product_id", Target: "membership_product_id", Kind: KindInt, Optional: true},
		moveGained:    {Source: "gain_date", Target: "gain_date", Kind: KindTime},
		moveExpires:   {Source: "expiration_date", Target: "expiration_date", Kind: KindTime},
		moveInitial:   {Source: "initial_point", Target: "initial_point", Kind: KindPoints},
		moveRemaining: {Source: "remaining_point", Target: "remaining_point", Kind: KindPoints},
		moveState:     {Source: "state", Target: "state", Kind: KindText},
		moveOrigin:    {Source: "origin", Target: "origin", Kind: KindText},
		moveCreated:   {Source: "create_date", Target: "created_at", Kind: KindTime},
		moveUpdated:   {Source: "write_date", Target: "updated_at", Kind: KindTime},
	},
	Code:    -1,
	Parents: []Parent{{Entity: "loyalty_card", Column: moveCard}},
	Rules: []Rule{
		brokenAlways("move.card_missing", "it has no card", func(r Row) bool { return r.Values[moveCard].Missing() }),
		pointsInvalid("move.points_invalid"),
		timestampInvalid("move.timestamp_invalid", moveGained),
		brokenWhen("move.remaining_above_initial", "more points remain than were gained", func(r Row) bool {
			return r.Values[moveRemaining].Int > r.Values[moveInitial].Int
		}),
		brokenWhen("move.remaining_negative", "its remaining points are negative", func(r Row) bool { return r.Values[moveRemaining].Int < 0 }),
		brokenWhen("move.state_unknown", "its state is not active, depleted or expired", func(r Row) bool {
			switch r.Values[moveState].Text {
			case "active", "depleted", "expired":
				return false
			}
			return true
		}),
	},
	Table: Table{
		Fill: 90,
		Columns: append([]TableColumn{
			{Name: "id", Type: typeBigint, NotNull: true},
			{Name: "odoo_move_id", Type: typeBigint},
			{Name: "loyalty_card_id", Type: typeBigint, NotNull: true},
			{Name: "membership_product_id", Type: typeBigint},
			{Name: "gain_date", Type: typeTime},
			{Name: "expiration_date", Type: typeTime},
			{Name: "initial_point", Type: typePoints},
			{Name: "remaining_point", Type: typePoints},
			{Name: "state", Type: typeText},
			{Name: "origin", Type: typeText},
			{Name: "created_at", Type: typeTime},
			{Name: "updated_at", Type: typeTime},
		}, syncColumns()...),
		Unique:      []Unique{{Name: "point_moves_odoo_move_id_key", Column: "odoo_move_id"}},
		ForeignKeys: []ForeignKey{{Name: "point_moves_loyalty_card_id_fkey", Column: "loyalty_card_id", References: "loyalty_cards"}},
		Indexes:     []Index{{Name: "point_moves_card_state_expiration_idx", Keys: "loyalty_card_id, state, expiration_date"}},
	},
})

const (
	moveCard = iota
	moveProduct
	moveGained
	moveExpires
	moveInitial
	moveRemaining
	moveState
	moveOrigin
	moveCreated
	moveUpdated
)
