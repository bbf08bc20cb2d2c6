package check_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
)

// owners says of each row which card it belongs to; 0 is none.
type owners map[int64]int64

func (o owners) CardOfRow(_ context.Context, _ *entity.Entity, row int64) (int64, error) {
	if row < 0 {
		return 0, errors.New("the engine is down")
	}
	return o[row], nil
}

// rawSource has rows of the source that say nothing but their card.
type rawSource map[int64]string

func (s rawSource) CardSnapshot(context.Context) (check.CardSnapshot, error) {
	return rawSnapshot{cards: s}, nil
}

type rawSnapshot struct {
	check.CardSnapshot

	cards rawSource
}

func (s rawSnapshot) Raw(_ context.Context, _ *entity.Entity, id int64) (map[string]engine.Maybe[string], error) {
	card, ok := s.cards[id]
	switch {
	case !ok:
		return nil, nil //nolint:nilnil // no such row is an answer
	case card == "":
		return map[string]engine.Maybe[string]{"loyalty_card_id": {}}, nil
	}
	return map[string]engine.Maybe[string]{"loyalty_card_id": engine.Known(card)}, nil
}

func (rawSnapshot) Close() {}

// Odoo's word on whose a row is counts before the engine's.
func TestARowBelongsToTheCardThatOdooSays(t *testing.T) {
	t.Parallel()
	here := owners{501: 8, 502: 9}
	there := rawSource{501: "7", 503: ""}
	of := func(entity string, row int64) (engine.CardKey, string) {
		key, why, err := check.CardOf(t.Context(), here, there, engine.CardKey{Entity: entity, Row: row})
		require.NoError(t, err)
		return key, why
	}
	for row, card := range map[int64]int64{501: 7, 502: 9} {
		key, why := of("loyalty_point_move", row)
		require.Empty(t, why)
		require.Equal(t, engine.CardKey{ID: card}, key)
	}
	for _, row := range []int64{503, 504} {
		key, why := of("loyalty_point_history", row)
		require.Zero(t, key)
		require.Contains(t, why, "of loyalty_point_history belongs to no card that is known")
	}
	key, why := of("loyalty_card", 5)
	require.Equal(t, engine.CardKey{ID: 5}, key)
	require.Empty(t, why)
	_, why = of("res_partner", 5)
	require.Contains(t, why, "none of the tables that ferry carries")

	named := engine.CardKey{ID: 4, Code: "4"}
	key, why, err := check.CardOf(t.Context(), here, there, named)
	require.NoError(t, err)
	require.Empty(t, why)
	require.Equal(t, named, key)
	_, _, err = check.CardOf(t.Context(), here, there, engine.CardKey{Entity: "loyalty_point_move", Row: -1})
	require.Error(t, err)
}
