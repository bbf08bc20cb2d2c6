package runs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// A batch that reads no row of the source has done something all the same.
func TestABatchThatReadsNothingSaysWhatItDid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verb   engine.StepVerb
		counts engine.Counts
		says   string
	}{
		{engine.StepIndex, engine.Counts{}, "it built an index"},
		{engine.StepKeys, engine.Counts{}, "it made indexes keys, and added the foreign keys"},
		{engine.StepKeys, engine.Counts{Rejected: 12, Inserted: -12}, "12 rows left for quarantine"},
		{engine.StepOwners, engine.Counts{Rejected: 1, Inserted: -1}, "1 row left for quarantine"},
		{engine.StepLoad, engine.Counts{}, "it read and changed nothing"},
		{engine.StepLoad, engine.Counts{Read: 3, Rejected: 3}, ""},
	} {
		require.Equal(t, c.says, others(c.verb, &c.counts), "%s %+v", c.verb, c.counts)
	}
}
