package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/recording"
	"ferry/tui/sanitize"
)

// endLimit is how long the disk may take for the end of a recording.
const endLimit = 2 * time.Second

// taping is a recording of what this process shows or would show, if one is wanted.
type taping struct {
	engine.Operator // what the console shows: the recorder, or what would have been recorded

	recorder *recording.Recorder // nil: nothing is recorded
	tape     *recording.Tape
	file     *os.File
}

// record begins a recording of a crossing where --record says so. It fails if it cannot even begin.
func (f *ferry) record(c *crossing) (*taping, error) {
	if f.settings.Record == "" {
		return &taping{Operator: c}, nil
	}
	began := time.Now()
	name, err := f.tapeName(began)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, usage("%s: %s exists, and a recording overwrites nothing; name another file, or a folder", f.settings.where("record"), name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.settings.where("record"), err)
	}
	tape, err := recording.NewTape(file, recording.Header{
		Ferry: version(), StartedAt: began, Profile: f.settings.Profile, Source: c.source.Address(), Target: c.target.Address(),
	}, strings.HasSuffix(name, ".gz"))
	if err != nil {
		file.Close() //nolint:errcheck // it failed already
		return nil, fmt.Errorf("%s: %w", f.settings.where("record"), err)
	}
	f.taped++
	recorder := recording.Record(c, tape, filepath.Base(name))
	return &taping{Operator: recorder, recorder: recorder, tape: tape, file: file}, nil
}

// tapeName is the file to record to: the one that was named, or one in the folder that was named. A console that is opened
// again, after its addresses were edited, gets a file of its own.
func (f *ferry) tapeName(at time.Time) (string, error) {
	name, err := filepath.Abs(f.settings.Record)
	if err != nil {
		return "", usage("%s: %w", f.settings.where("record"), err)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Join(name, fmt.Sprintf("ferry-%s-%d.jsonl.gz", at.UTC().Format("20060102T150405.000Z"), os.Getpid())), nil
	}
	if f.taped == 0 {
		return name, nil
	}
	base, rest, dotted := strings.Cut(filepath.Base(name), ".")
	if dotted {
		rest = "." + rest
	}
	return filepath.Join(filepath.Dir(name), fmt.Sprintf("%s-%d%s", base, f.taped+1, rest)), nil
}

// end ends the recording and says what became of it. A disk that hangs is not waited for.
func (t *taping) end(ctx context.Context, say func(format string, args ...any)) {
	if t.recorder == nil {
		return
	}
	t.recorder.Close()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	err := errors.Join(t.tape.Close(limited), t.file.Close())
	lost := ""
	if n := t.tape.Lost(); n > 0 {
		lost = fmt.Sprintf(", %d more did not reach the disk in time", n)
	}
	name := sanitize.Text(t.file.Name())
	say("recorded %d snapshots and answers to %s%s; rows that were shown are in it as they are; `ferry replay` shows it", t.tape.Kept(), name, lost)
	if err != nil {
		say("ferry: the recording ends early: %s", sanitize.Text(err.Error()))
	}
}
