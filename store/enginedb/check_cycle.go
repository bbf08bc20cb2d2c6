package enginedb

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"ferry/engine"
	"ferry/engine/cycle"
)

func forCheck(run engine.RunID) string { return strconv.FormatInt(int64(run), 10) }

// AskCycle begins the cycle that a check waits for. It fails with ErrRunActive if one is under way.
func (t *Target) AskCycle(ctx context.Context, w cycle.Work) error {
	options, err := json.Marshal(map[string]string{"for": forCheck(w.Run)})
	if err != nil {
		return fmt.Errorf("noting for whom the cycle is: %w", err)
	}
	_, err = t.db.start(ctx, newRun{
		Kind: engine.RunIncremental, SourceIdentity: w.SourceIdentity, Actor: engine.Actor{User: "ferry"},
		Reason: fmt.Sprintf("check #%d waits for a cycle", w.Run), Options: options,
	})
	return err
}
