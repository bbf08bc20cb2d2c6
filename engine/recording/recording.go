// Package recording writes down what a console was shown, and shows it again without any database: for a bug report, for
// pictures, and to look at a night once more.
//
// A recording is lines of JSON, compressed or not. The first one says what it is; then come snapshots, and the answers to
// what screens have asked beside them, each with the time since the beginning. A snapshot holds only the fields that
// changed since the one before; from time to time one is whole. Fields and types of lines are only ever added within a
// version, and unknown ones are left out.
//
//	{"v": 1, "type": "recording", "ferry": "0.1.0", "started_at": "…Z", "profile": "prod", "source": "odoo@db1/prod", "target": "…"}
//	{"type": "snapshot", "at_ms": 250, "whole": true, "set": {"Sequence": 12, "Run": {…}, …}}
//	{"type": "answer", "at_ms": 610, "ask": "Runs", "with": [0, 50], "answer": […]}
//	{"type": "lost", "at_ms": 900, "snapshots": 3, "answers": 0}
//	{"type": "end", "at_ms": 61000}
//
// Recorder stands before an engine.Operator and records; Player is an engine.Operator that replays. Recording never makes
// anybody wait: what the disk does not take in time is left out, and counted.
//
// Every text goes through package redact on its way. Rows of cards and quarantine are recorded as they were shown, which may be
// personal data.
package recording

import (
	"encoding/json"
	"time"
)

// Version is the version of the format that this program writes, and the newest that it reads.
const Version = 1

// Header is the first line of a recording.
type Header struct {
	V         int       `json:"v"`
	Type      string    `json:"type"` // typeHeader
	Ferry     string    `json:"ferry"`
	StartedAt time.Time `json:"started_at"` // by the clock of the process that recorded
	Profile   string    `json:"profile"`
	Source    string    `json:"source"` // addresses, without secrets
	Target    string    `json:"target"`
}

// The types of lines.
const (
	typeHeader   = "recording"
	typeSnapshot = "snapshot"
	typeAnswer   = "answer"
	typeLost     = "lost"
	typeEnd      = "end"
)

// line is any line but the first one.
type line struct {
	Type string `json:"type"`
	At   int64  `json:"at_ms"` // since the header's StartedAt

	Whole bool                       `json:"whole,omitempty"` // Set has every field
	Set   map[string]json.RawMessage `json:"set,omitempty"`   // by the names of engine.Snapshot

	Ask    string          `json:"ask,omitempty"`  // a method of engine.Operator
	With   json.RawMessage `json:"with,omitempty"` // its arguments, in order
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  *failure        `json:"error,omitempty"` // instead of Answer

	Snapshots int64 `json:"snapshots,omitempty"` // lost by then
	Answers   int64 `json:"answers,omitempty"`
}

// at is the time of a line since the beginning.
func (l *line) at() time.Duration { return time.Duration(l.At) * time.Millisecond }
