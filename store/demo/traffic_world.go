package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	tablePartner = "res_partner"
	tableCard    = "loyalty_card"
	tableMove    = "loyalty_point_move"
	tableHistory = "loyalty_point_history"
)

const (
	maxRedemptions = 256
	// What the traffic added to the moves is forgotten beyond this many cards, and beyond this many moves of a card.
	maxCardsKept = 100_000
	maxMovesKept = 16
)

// world is what the traffic knows about the database without asking: the ranges of ids to draw from, and the moves of
// each card, because loyalty_point_move has no index on its card and a look-up there is a scan. What it knows is a hint;
// every transaction reads the rows themselves.
type world struct {
	programs []int64

	mu          sync.Mutex
	ranges      map[string]idRange
	moves       []uint64          // card << 32 | move, in order: those active at the start
	newMoves    map[int64][]int64 // by card: those since
	redemptions []redemption      // the latest, to be cancelled
	claimed     map[int64]int     // cards that a long transaction has written, and how many of them
}

type idRange struct{ lo, hi int64 }

// redemption is found again by the origin that its history rows share.
type redemption struct {
	card   int64
	origin string
}

func (d *world) learn(ctx context.Context, pool *pgxpool.Pool) error {
	d.ranges, d.newMoves, d.claimed = map[string]idRange{}, map[int64][]int64{}, map[int64]int{}
	for _, table := range []string{tablePartner, tableCard, tableMove, tableHistory} {
		var r idRange
		sql := `SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM ` + pgx.Identifier{table}.Sanitize()
		if err := pool.QueryRow(ctx, sql).Scan(&r.lo, &r.hi); err != nil {
			return fmt.Errorf("the range of %s: %w", table, err)
		}
		d.ranges[table] = r
	}
	rows, _ := pool.Query(ctx, `SELECT id FROM loyalty_program ORDER BY id`) // CollectRows has the error
	var err error
	if d.programs, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return fmt.Errorf("programs: %w", err)
	}
	rows, _ = pool.Query(ctx, `SELECT loyalty_card_id, id FROM loyalty_point_move WHERE state = 'active'`) // likewise
	var card, move uint32
	if _, err := pgx.ForEachRow(rows, []any{&card, &move}, func() error {
		d.moves = append(d.moves, uint64(card)<<32|uint64(move))
		return nil
	}); err != nil {
		return fmt.Errorf("moves: %w", err)
	}
	slices.Sort(d.moves)
	return nil
}

// from draws the id from which a row of the table is looked for.
func (d *world) from(rng *rand.Rand, table string) int64 {
	d.mu.Lock()
	r := d.ranges[table]
	d.mu.Unlock()
	return r.lo + rng.Int64N(r.hi-r.lo+1)
}

// movesOf gives the moves that the card is known to have.
func (d *world) movesOf(card int64) []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := slices.Clone(d.newMoves[card])
	lo, _ := slices.BinarySearch(d.moves, uint64(card)<<32) //nolint:gosec // ids are positive
	for _, pair := range d.moves[lo:] {
		if pair>>32 != uint64(card) { //nolint:gosec // likewise
			break
		}
		found = append(found, int64(pair&0xffffffff))
	}
	return found
}

// remember keeps what a committed transaction made.
func (d *world) remember(rows []RowRef, w *work) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, row := range rows {
		if r := d.ranges[row.Table]; row.ID > r.hi {
			r.hi = row.ID
			d.ranges[row.Table] = r
		}
	}
	for _, m := range w.newMoves {
		if len(d.newMoves) >= maxCardsKept {
			clear(d.newMoves)
		}
		kept := d.newMoves[m.card]
		if len(kept) == maxMovesKept {
			kept = kept[1:]
		}
		d.newMoves[m.card] = append(kept, m.move)
	}
	d.redemptions = append(d.redemptions, w.redemptions...)
	for _, r := range w.cancelled {
		d.redemptions = slices.DeleteFunc(d.redemptions, func(other redemption) bool { return other == r })
	}
	d.redemptions = slices.Delete(d.redemptions, 0, max(0, len(d.redemptions)-maxRedemptions))
}

// redemption draws one of the latest redemptions, if any is known, unless somebody holds its card. It stays until its
// cancellation has committed.
func (d *world) redemption(rng *rand.Rand) (redemption, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := rng.Float64()
	if len(d.redemptions) == 0 {
		return redemption{}, false
	}
	r := d.redemptions[int(x*float64(len(d.redemptions)))]
	return r, d.claimed[r.card] == 0
}

func (d *world) claim(card int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.claimed[card]++
}

func (d *world) release(cards []int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, card := range cards {
		d.claimed[card]--
		if d.claimed[card] == 0 {
			delete(d.claimed, card)
		}
	}
}

// taken lists the claimed cards. It is never nil, which would be NULL to the server.
func (d *world) taken() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	cards := make([]int64, 0, len(d.claimed))
	for card := range d.claimed {
		cards = append(cards, card)
	}
	return cards
}
