package control_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

func atoi(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

func fromEnv(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		return atoi(t, text)
	}
	return otherwise
}

// TestCodesFindTheirOwnerWhateverTheOrder lets cards take codes from each other at random (swaps, chains, collisions,
// deletions, cards that turn invalid and back) over ids so far apart that every sync takes many batches, two at a time.
// An oracle that knows the whole table at once says who owns each code.
func TestCodesFindTheirOwnerWhateverTheOrder(t *testing.T) {
	t.Parallel()
	seed, rounds := fromEnv(t, "FERRY_SEED", int64(os.Getpid())), fromEnv(t, "FERRY_ROUNDS", 12)
	t.Logf("FERRY_SEED=%d FERRY_ROUNDS=%d repeat this run, as far as the order of batches goes", seed, rounds)
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	b := setup(t, odooDump)
	b.source.Exec(t, `TRUNCATE loyalty_card, loyalty_point_move, loyalty_point_history CASCADE`,
		`ALTER TABLE loyalty_card DROP CONSTRAINT loyalty_card_card_code_unique`)
	for round := range int(rounds) {
		b.source.Exec(t, shuffle(random, round)...)
		s := b.full(t)
		done(t, s)
		b.faithful(t)
		b.ownersAreRight(t, round)
	}
}

// spellings clean to one code each: spaces and case differ.
func spelling(random *rand.Rand, code int) string {
	text := fmt.Sprintf("kod-%d", code)
	switch random.IntN(3) {
	case 0:
		text = strings.ToUpper(text)
	case 1:
		text = " " + text + "\u00a0"
	}
	return "'" + text + "'"
}

// shuffle changes some of forty cards, spread over 40,000 ids, that share sixteen codes.
func shuffle(random *rand.Rand, round int) []string {
	var out []string
	for range 1 + random.IntN(30) {
		id := 1000 * (1 + random.IntN(40))
		code := spelling(random, random.IntN(16))
		partner := []string{"1", "1", "1", "NULL"}[random.IntN(4)]
		switch random.IntN(5) {
		case 0:
			out = append(out, fmt.Sprintf(`DELETE FROM loyalty_card WHERE id = %d`, id))
		default:
			out = append(out, fmt.Sprintf(`INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
				VALUES (%d, %s, %s, (SELECT min(id) FROM loyalty_program), %d)
				ON CONFLICT (id) DO UPDATE SET code = EXCLUDED.code, partner_id = EXCLUDED.partner_id, points = EXCLUDED.points`,
				id, code, partner, round))
		}
	}
	return out
}

// ownersAreRight compares the engine with the oracle: of the valid cards that clean to a code, the lowest id has it, and
// every other one is in quarantine naming it.
func (b *bundle) ownersAreRight(t *testing.T, round int) {
	t.Helper()
	owners := map[string]int64{}
	claims := map[int64]string{}
	for _, row := range rows(t, b.source, `SELECT id || '|' || code FROM loyalty_card WHERE partner_id IS NOT NULL ORDER BY id`) {
		text, code, _ := strings.Cut(row, "|")
		id := atoi(t, text)
		code = entity.CleanCode(code)
		claims[id] = code
		if _, taken := owners[code]; !taken {
			owners[code] = id
		}
	}
	want := []string{}
	for id, code := range claims {
		if owners[code] == id {
			want = append(want, fmt.Sprintf("%d holds %s", id, code))
		} else {
			want = append(want, fmt.Sprintf("%d waits for %d", id, owners[code]))
		}
	}
	got := rows(t, b.target, `
		SELECT id || ' holds ' || code FROM loyalty_cards
		WHERE id NOT IN (SELECT source_id FROM ferry.quarantine WHERE entity = 'loyalty_card' AND state = 'open')
			AND id NOT IN (SELECT id FROM ferry.extra WHERE entity = 'loyalty_card')
		UNION ALL
		SELECT source_id || ' waits for ' || coalesce(owner_id::text, '?') FROM ferry.quarantine
		WHERE entity = 'loyalty_card' AND state = 'open' AND reason = 'code_taken'`)
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got, "round %d", round)
}
