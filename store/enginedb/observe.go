package enginedb

import (
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
)

// counted are the counts of a batch that is about to commit. Nobody is told of them before it has.
type counted struct {
	took  time.Duration
	rows  map[string]engine.Counts
	whole bool // the batch is done, and not put off or stopped by a question
}

// part keeps what a batch did to one of several entities.
func (c *counted) part(entity string, counts engine.Counts) {
	if c.rows == nil {
		c.rows = map[string]engine.Counts{}
	}
	sum := c.rows[entity]
	sum.Add(counts)
	c.rows[entity] = sum
}

// add keeps a batch's own counts; a plan is of no entity.
func (c *counted) add(entity string, counts engine.Counts, took time.Duration) {
	if entity != "" {
		c.part(entity, counts)
	}
	c.took, c.whole = took, true
}

// tell hands on what has been committed.
func (c *counted) tell(o cycle.Observer, w cycle.Work) {
	if c.whole {
		o.Committed(cycle.Committed{Kind: w.Kind, Verb: w.Verb, Took: c.took, Rows: c.rows})
	}
}
