package entity

// History is a line of a card's ledger: an amount and the balance after it.
var History = register(&Entity{
	Name:   "loyalty_point_history",
	Short:  "history",
	Target: "point_history",
	OdooID: "odoo_history_id",
	Columns: []Column{
		historyCard:    {Source: "loyalty_card_id", Target: "loyalty_card_id", Kind: KindInt},
		historyMove:    {Source: "point_move_id", Target: "odoo_move_id", Kind: KindInt},
		historyAmount:  {Source: "points_amount", Target: "points_amount", Kind: KindPoints},
		historyBalance: {Source: "points_balance", Target: "points_balance", Kind: KindPoints},
		historyTime:    {Source: "transaction_time", Target: "transaction_time", Kind: KindTime},
		historyOrigin:  {Source: "origin", Target: "origin", Kind: KindText},
		historyProduct: {Source: "membership_product_id", Target: "membership_product_id", Kind: KindInt, Optional: true},
		historyStatus:  {Source: "status_membership_product_id", Target: "status_membership_product_id", Kind: KindInt, Optional: true},
		historyCreated: {Source: "create_date", Target: "created_at", Kind: KindTime},
	},
	Code: -1,
	Parents: []Parent{
		{Entity: "loyalty_card", Column: historyCard, Feeds: true},
		{Entity: "loyalty_point_move", Column: historyMove, Link: "point_move_id"},
	},
	Rules: []Rule{
		brokenAlways("history.card_missing", "it has no card", func(r Row) bool { return r.Values[historyCard].Missing() }),
		pointsInvalid("history.points_invalid"),
		timestampInvalid("history.timestamp_invalid", historyTime),
		brokenWhen("history.balance_negative", "its balance is negative", func(r Row) bool { return r.Values[historyBalance].Int < 0 }),
	},
	Table: Table{
		Fill: 95,
		Columns: append([]TableColumn{
			{Name: "id", Type: typeBigint, NotNull: true},
			{Name: "odoo_history_id", Type: typeBigint},
			{Name: "loyalty_card_id", Type: typeBigint, NotNull: true},
			{Name: "point_move_id", Type: typeBigint},
			{Name: "odoo_move_id", Type: typeBigint},
			{Name: "points_amount", Type: typePoints},
			{Name: "points_balance", Type: typePoints},
			{Name: "transaction_time", Type: typeTime},
			{Name: "origin", Type: typeText},
			{Name: "membership_product_id", Type: typeBigint},
			{Name: "status_membership_product_id", Type: typeBigint},
			{Name: "created_at", Type: typeTime},
		}, syncColumns()...),
		Unique: []Unique{{Name: "point_history_odoo_history_id_key", Column: "odoo_history_id"}},
		ForeignKeys: []ForeignKey{
			{Name: "point_history_loyalty_card_id_fkey", Column: "loyalty_card_id", References: "loyalty_cards"},
			{Name: "point_history_point_move_id_fkey", Column: "point_move_id", References: "point_moves"},
		},
		Indexes: []Index{
			{Name: "point_history_card_latest_idx", Keys: "loyalty_card_id, odoo_history_id DESC"},
			{Name: "point_history_card_time_idx", Keys: "loyalty_card_id, transaction_time DESC"},
			{Name: "point_history_point_move_id_idx", Keys: "point_move_id"},
			{Name: "point_history_unlinked_idx", Keys: "odoo_move_id", Where: "point_move_id IS NULL"},
		},
	},
})

const (
	historyCard = iota
	historyMove
	historyAmount
	historyBalance
	historyTime
	historyOrigin
	historyProduct
	historyStatus
	historyCreated
)
