package control

import (
	"context"

	"ferry/engine"
)

// notebook keeps lines in the journal. The engine database is one.
type notebook interface {
	Note(ctx context.Context, by engine.Actor, run engine.RunID, action, outcome string) error
}

// Note keeps a line in the journal about something that happened to this process and that no action caused: without it
// the next operator would find a run at work and nobody who shows it. A process that only looks keeps none.
func (k *Control) Note(ctx context.Context, run engine.RunID, action, outcome string) error {
	if err := k.mayAct(); err != nil {
		return err
	}
	journal, ok := k.c.Ledger.(notebook)
	if !ok {
		return nil
	}
	defer k.refresh()
	return journal.Note(ctx, k.c.Actor, run, action, outcome)
}
