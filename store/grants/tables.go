package grants

import (
	"maps"
	"slices"

	"ferry/engine/entity"
)

// Table is a table of the engine database, and what an operator does with it beside reading.
type Table struct {
	Schema, Name string
	Writes       []string // privileges: INSERT, UPDATE, DELETE
}

// Schema is where ferry's own tables are.
const Schema = "ferry"

var (
	insert      = []string{"INSERT"}
	change      = []string{"UPDATE"}
	insertOnce  = []string{"INSERT", "UPDATE"}
	comesAndGo  = []string{"INSERT", "DELETE"}
	everything  = []string{"INSERT", "UPDATE", "DELETE"}
	readOnly    []string
	ferryTables = map[string][]string{
		"alert":            everything,
		"batch":            everything,
		"channel":          everything,
		"check_entity":     everything,
		"delivery":         insertOnce, // it goes with its alert
		"discrepancy":      insertOnce,
		"entity_pause":     comesAndGo,
		"entity_state":     everything,
		"extra":            everything,
		"floor":            comesAndGo,
		"journal":          insert, // what was done stays said: nobody but its owner changes it
		"lease":            change,
		"ledger":           everything,
		"ledger_range":     everything,
		"monitor":          change,
		"owned":            everything,
		"policy":           insertOnce,
		"proof":            everything,
		"quarantine":       everything,
		"rehearsal":        insertOnce, // what was rehearsed is kept
		"rehearsal_gate":   insertOnce,
		"rehearsal_sample": insertOnce,
		"rehearsal_step":   insertOnce,
		"repair_item":      insertOnce, // it goes with its plan
		"repair_plan":      everything,
		"rule":             change,
		"run":              everything,
		"schedule":         change,
		"seal":             insertOnce,
		"sealed_ids":       comesAndGo,
		"step":             everything,
		"tick":             everything,
		"unkeyed":          everything,
		"worker":           everything,

		// Who migrates writes these: the owner.
		"schema_version":  readOnly,
		"river_migration": readOnly,

		// The queue's.
		"river_job":          everything,
		"river_leader":       everything,
		"river_notification": everything,
		"river_queue":        everything,
	}
)

// Sequences are those of schema ferry that an INSERT of an operator's draws from; identity columns ask for no grant.
func Sequences() []string { return []string{"river_job_id_seq", "river_notification_id_seq"} }

// Engine lists the tables of the engine database that ferry uses, the engine's own first, then ferry's by name.
func Engine() []Table {
	var out []Table
	for _, e := range entity.All() {
		out = append(out, Table{"public", e.Target, everything})
	}
	for _, name := range slices.Sorted(maps.Keys(ferryTables)) {
		out = append(out, Table{Schema, name, ferryTables[name]})
	}
	return out
}
