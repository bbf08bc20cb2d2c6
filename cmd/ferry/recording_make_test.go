package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/jackc/pgx/v5"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/recording"
	"ferry/store/embedded"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/pump"
	"ferry/tui/termprobe"
)

// made is the variable that names the recording to make, for `make recording`: pictures and golden frames come from it.
const made = "FERRY_MAKE_RECORDING"

// director plays a night on a demo: two consoles, at both sizes, look on and are recorded.
type director struct {
	t        *testing.T
	ctx      context.Context
	c        *crossing
	recorder *recording.Recorder
	consoles []tea.Model
}

// faultsPlanted is what somebody did to the engine's rows. The cards are ones that pass every rule.
var faultsPlanted = []string{
	`UPDATE public.loyalty_cards SET points = points + 5 WHERE id = (SELECT min(id) FROM public.loyalty_cards WHERE id >= 1234)`,
	`UPDATE public.loyalty_cards SET points = points - 1.25 WHERE id IN (SELECT id FROM public.loyalty_cards WHERE id > 4000 ORDER BY id LIMIT 3)`,
	`UPDATE public.loyalty_cards SET code = code || 'X' WHERE id = (SELECT min(id) FROM public.loyalty_cards WHERE id > 7000)`,
	`UPDATE public.point_history SET origin = 'by hand' WHERE id IN (SELECT id FROM public.point_history WHERE id > 9000 ORDER BY id LIMIT 4)`,
	`DELETE FROM public.point_history WHERE id IN (SELECT h.id FROM public.point_history h WHERE h.id > 12000 AND EXISTS (
		SELECT FROM public.point_history l WHERE l.loyalty_card_id = h.loyalty_card_id AND l.odoo_history_id > h.odoo_history_id) ORDER BY h.id LIMIT 7)`,
	`UPDATE public.point_moves SET gain_date = gain_date + interval '2 hours' WHERE id IN (
		SELECT id FROM public.point_moves WHERE id > 2000 ORDER BY id LIMIT 5)`,
}

func TestMakeTheRecording(t *testing.T) {
	t.Parallel()
	name := os.Getenv(made)
	if name == "" {
		t.Skip("it makes what is checked in: `make recording`")
	}
	ctx := t.Context()
	dir := t.TempDir()
	f := &ferry{streams: streams{out: t.Output(), err: t.Output()}, getenv: func(string) string { return "" }}
	flags := f.command().PersistentFlags()
	require.NoError(t, f.settings.given(flags, f.getenv))
	require.NoError(t, f.settings.fill(flags, f.getenv))
	server, err := embedded.Start(ctx, embedded.Options{Dir: dir})
	require.NoError(t, err)
	defer stopServer(context.WithoutCancel(ctx), server, t.Output())
	require.NoError(t, f.prepareDemo(ctx, server, demoOptions{cards: 200_000, seed: 7}, dir))
	c, err := f.open(ctx, 2, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer c.close()

	var text bytes.Buffer
	tape, err := recording.NewTape(&text, recording.Header{
		Ferry: release, StartedAt: time.Now(), Profile: "demo", Source: c.source.Address(), Target: c.target.Address(),
	}, false)
	require.NoError(t, err)
	d := &director{t: t, ctx: ctx, c: c, recorder: recording.Record(c, tape, "demo")}
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 140, Height: 45}} {
		model := app.New(ctx, app.Config{
			Operator: d.recorder, Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)),
		})
		pump.Send(model, size)
		d.consoles = append(d.consoles, model)
	}
	c.Run(ctx)
	d.night(f, server, dir)
	d.recorder.Close()
	require.NoError(t, tape.Close(ctx))
	require.Zero(t, tape.Lost())
	require.NoError(t, c.Stop(ctx))
	keepRecording(t, name, text.String())
}

// night is what happens.
func (d *director) night(f *ferry, server *embedded.Server, dir string) {
	c, ctx := d.c, d.ctx
	d.look(2*time.Second, "P")
	d.look(3*time.Second, "f")
	d.look(time.Second, "1")
	id, err := c.StartFull(ctx, engine.StartOptions{Reason: "first load of the rehearsal"})
	require.NoError(d.t, err)
	d.until(id)
	quiet, err := f.startTraffic(ctx, server, 3, 7, dir)
	require.NoError(d.t, err)
	require.NoError(d.t, c.KeepInStep(ctx, 5*time.Second))
	d.look(6*time.Second, "4", "enter")
	d.harm(server)
	id, err = c.StartCheck(ctx, engine.CheckOptions{Reason: "before the rehearsal"})
	require.NoError(d.t, err)
	d.until(id)
	id, err = c.StartRehearsal(ctx, engine.RehearsalOptions{Reason: "third night", Freeze: engine.FreezeNone})
	require.NoError(d.t, err)
	d.until(id)
	quiet()
	require.NoError(d.t, c.KeepInStep(ctx, 0)) // what is shown from here on stays as it is
	d.look(3 * time.Second)
	// Every screen is opened once more, as pictures and golden frames open them.
	for _, keys := range [][]string{
		{"2"},
		{"G"},
		{"enter"},
		{"esc"},
		{"3"},
		{"enter"},
		{"esc"},
		{"4", "esc", "g"},
		{"enter"},
		{"esc"},
		{"5"},
		{"6"},
		{"7"},
		{"c", "1234", "enter"},
		{"P"},
		{"f"},
		{"1"},
	} {
		d.look(1500*time.Millisecond, keys...)
	}
	d.look(6*time.Second, "1")
}

// look presses keys in every console, and looks on for a while.
func (d *director) look(during time.Duration, keys ...string) {
	for _, model := range d.consoles {
		pump.Press(model, keys...)
	}
	tick := time.NewTicker(time.Second / 4)
	defer tick.Stop()
	for until := time.Now().Add(during); time.Now().Before(until); {
		for _, model := range d.consoles {
			pump.Send(model, feed.New(d.recorder, time.Now, false).Now())
		}
		<-tick.C
	}
}

// until looks on until a run has ended.
func (d *director) until(id engine.RunID) {
	for range 600 {
		d.look(time.Second / 2)
		run, err := d.c.RunDetail(d.ctx, id)
		require.NoError(d.t, err)
		if run.State.Ended() {
			d.t.Logf("%s #%d: %s %s", run.Kind, id, run.State, run.Error)
			return
		}
	}
	d.t.Fatalf("run #%d does not end", id)
}

// harm plants the faults.
func (d *director) harm(server *embedded.Server) {
	conn, err := pgx.Connect(d.ctx, server.DSN(demoTarget))
	require.NoError(d.t, err)
	defer conn.Close(d.ctx)
	for _, fault := range faultsPlanted {
		tag, err := conn.Exec(d.ctx, fault)
		require.NoError(d.t, err)
		require.Positive(d.t, tag.RowsAffected())
	}
}

// keepRecording writes the recording, without the names of this machine and of who made it.
func keepRecording(t *testing.T, name, text string) {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	user := thisActor("", func(string) string { return "" }).User
	text = strings.NewReplacer(
		user+"@"+host, "sari@db1", `"`+host+`"`, `"db1"`, `"`+host+":", `"db1:`, " "+host+":", " db1:", `"`+user+`"`, `"sari"`,
	).Replace(text)
	for _, trace := range []string{host + ":", user + "@", "/tmp", "/var"} {
		at := strings.Index(text, trace)
		require.Negative(t, at, "%s is in the recording: %s", trace, text[max(0, at-100):min(len(text), max(at, 0)+100)])
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	require.NoError(t, err)
	_, err = zip.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	require.Less(t, out.Len(), 300_000)
	require.NoError(t, os.WriteFile(name, out.Bytes(), 0o644))
}
