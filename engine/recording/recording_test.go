package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"ferry/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// generators make values of engine's types that JSON can hold: finite numbers, times of a calendar, texts that are UTF-8.
var generators = rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[time.Time](): rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	}),
	reflect.TypeFor[float64](): rapid.Float64().Filter(func(f float64) bool { return f-f == 0 }).AsAny(),
	// A page of text is no harder than a word.
	reflect.TypeFor[string](): rapid.SampledFrom([]string{
		"", "loyalty_card", "0", "null", "\"quoted\" \\ back", "line\nend\r\t\x00\x1b[31m", "\u2028\u2029 \u202e e\u0301 漢字 🂡", "<a href='x'>&", "a: b=c",
	}).AsAny(),
	reflect.TypeFor[engine.Maybe[bool]]():          maybe(rapid.Bool()),
	reflect.TypeFor[engine.Maybe[string]]():        maybe(rapid.SampledFrom([]string{"", "1.50", "null"})),
	reflect.TypeFor[engine.Maybe[int64]]():         maybe(rapid.Int64()),
	reflect.TypeFor[engine.Maybe[float64]]():       maybe(rapid.Float64Range(-1e300, 1e300)),
	reflect.TypeFor[engine.Maybe[time.Duration]](): maybe(rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) })),
	reflect.TypeFor[*engine.TapeView]():            rapid.Just((*engine.TapeView)(nil)).AsAny(),
}}

// maybe makes figures that are known, and one that is not.
func maybe[T any](known *rapid.Generator[T]) *rapid.Generator[any] {
	return rapid.OneOf(rapid.Just(engine.Maybe[T]{}), rapid.Map(known, engine.Known[T])).AsAny()
}

// stub is an operator that shows snapshots and gives answers of a test.
type stub struct {
	engine.Operator

	snapshot *engine.Snapshot
	run      *engine.RunDetail
	runErr   error
}

func (s *stub) Snapshot() *engine.Snapshot { return s.snapshot }

func (s *stub) RunDetail(context.Context, engine.RunID) (*engine.RunDetail, error) {
	return s.run, s.runErr
}

var began = time.Date(2025, 11, 3, 21, 4, 0, 0, time.UTC)

// written is a recording of snapshots, one a second, and of what do asks.
func written(t require.TestingT, zip bool, do func(*Recorder), snapshots ...*engine.Snapshot) []byte {
	var out bytes.Buffer
	tape, err := NewTape(&out, Header{Ferry: "1", StartedAt: began, Source: "odoo@db1/prod", Target: "x@db2/loyalty"}, zip)
	require.NoError(t, err)
	if do != nil {
		r := &Recorder{Operator: &stub{}, tape: tape}
		do(r)
	}
	for i, s := range snapshots {
		tape.put(entry{at: time.Duration(i) * time.Second, snapshot: s})
	}
	require.NoError(t, tape.Close(context.Background()))
	require.Zero(t, tape.Lost())
	return out.Bytes()
}

// still is a player that stands still.
func still(t require.TestingT, text []byte) *Player {
	r, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	p := Play(r, "x", 1, func() time.Time { return began })
	p.Hold()
	return p
}

func TestSnapshotsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	one := rapid.MakeCustom[engine.Snapshot](generators)
	rapid.Check(t, func(t *rapid.T) {
		a, b := one.Draw(t, "a"), one.Draw(t, "b")
		c := b // only little of it changes
		c.Sequence, c.Run, c.Errors = a.Sequence, a.Run, b.Errors+1
		given := []*engine.Snapshot{&a, &b, &c, &b, &a}
		p := still(t, written(t, rapid.Bool().Draw(t, "zip"), nil, given...))
		require.Empty(t, p.recording.Trouble)
		order := rapid.SliceOfN(rapid.IntRange(0, len(given)-1), 1, 6).Draw(t, "order")
		for _, at := range append([]int{0, 1, 2, 3, 4}, order...) {
			p.Seek(time.Duration(at) * time.Second)
			got := *p.Snapshot()
			require.NotZero(t, got.Sequence)
			got.Sequence, got.Tape = given[at].Sequence, nil
			require.Equal(t, *given[at], got)
		}
	})
}

// comesBack records values of a type as answers, and compares what a replay answers.
func comesBack[T any](t *testing.T) {
	t.Helper()
	one := rapid.MakeCustom[T](generators)
	t.Run(reflect.TypeFor[T]().String(), func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			want := one.Draw(t, "value")
			p := still(t, written(t, false, func(r *Recorder) { r.keep("Runs", []any{1, "x"}, want, nil) }, &engine.Snapshot{}))
			got, err := replayed[T](p, "Runs", 1, "x")
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	})
}

func TestAnswersComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	comesBack[engine.Preflight](t)
	comesBack[[]engine.RunSummary](t)
	comesBack[detail](t)
	comesBack[engine.Page[engine.JournalEntry]](t)
	comesBack[engine.Page[engine.QuarantineRow]](t)
	comesBack[[]engine.RuleView](t)
	comesBack[*engine.CheckView](t)
	comesBack[engine.Page[engine.Discrepancy]](t)
	comesBack[[]engine.DiscrepancyCount](t)
	comesBack[*engine.RepairPlan](t)
	comesBack[engine.Page[engine.LedgerCard]](t)
	comesBack[*engine.CardReport](t)
	comesBack[[]engine.AlertView](t)
	comesBack[[]engine.RehearsalView](t)
	comesBack[[]engine.RehearsalSample](t)
}

// What is read of the operator is recorded; what acts on it is refused in a replay. Nothing is neither.
func TestEveryMethodIsRecordedOrRefused(t *testing.T) {
	t.Parallel()
	own := methodsOf(t, "asked.go", "Recorder")
	operator := reflect.TypeFor[engine.Operator]()
	p := reflect.ValueOf(still(t, written(t, false, nil, &engine.Snapshot{})))
	for m := range operator.Methods() {
		if m.Name == "Snapshot" {
			continue
		}
		in := []reflect.Value{reflect.ValueOf(t.Context())}
		for j := 1; j < m.Type.NumIn(); j++ {
			in = append(in, reflect.Zero(m.Type.In(j)))
		}
		out := p.MethodByName(m.Name).Call(in)
		err, _ := reflect.TypeAssert[error](out[len(out)-1])
		if own[m.Name] {
			require.ErrorIs(t, err, ErrNotRecorded, m.Name)
			continue
		}
		require.ErrorIs(t, err, engine.ErrReadOnly, "%s is neither recorded nor an action", m.Name)
		require.EqualError(t, err, "this is a recording")
	}
}

// methodsOf lists the methods that a file gives a type.
func methodsOf(t *testing.T, file, receiver string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	out := map[string]bool{}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok && fmt.Sprint(star.X) == receiver {
				out[fn.Name.Name] = true
			}
		}
	}
	return out
}

func TestErrorsKeepTheirWordsAndKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../errors.go")
	require.NoError(t, err)
	require.Len(t, kinds, strings.Count(string(text), "= errors.New(")+1, "a sentinel of package engine has no name in recordings")
	cases := []error{
		errors.New("plain"), engine.Refuse(engine.ErrSealed, "no"), fmt.Errorf("x: %w", context.DeadlineExceeded),
		&engine.DatabaseError{Side: engine.SideTarget, Class: engine.ClassSlowRetry, SQLState: "53100", Doing: "read", Err: errors.New("disk full")},
	}
	for _, k := range kinds {
		cases = append(cases, fmt.Errorf("%w: #7", k.err))
	}
	for _, want := range cases {
		p := still(t, written(t, true, func(r *Recorder) { r.keep("RunDetail", []any{7}, nil, want) }, &engine.Snapshot{}))
		_, got := p.RunDetail(t.Context(), 7)
		require.EqualError(t, got, want.Error())
		require.Equal(t, engine.IsRefusal(want), engine.IsRefusal(got))
		require.Equal(t, engine.ClassOf(want), engine.ClassOf(got))
		for _, k := range kinds {
			require.Equal(t, errors.Is(want, k.err), errors.Is(got, k.err), "%v: %s", want, k.name)
		}
	}
}

func TestNoSecretIsRecorded(t *testing.T) {
	t.Parallel()
	const secret = `c4n4ry"\ü&t41l`
	dsn := "postgres://odoo:" + secret + "@db/prod"
	s := &engine.Snapshot{
		Source: engine.Endpoint{Address: dsn, Err: `failed: host=x password='c4n4ry"\\t41l' user=y`},
		Run:    &engine.RunView{Error: "at slack://hook:c4n4ry-t41l@webhook failed"},
	}
	text := written(t, false, func(r *Recorder) {
		r.keep("Runs", []any{"?password=c4n4ry"}, []engine.RunSummary{{RunView: engine.RunView{Reason: dsn}}}, nil)
		r.keep("Runs", []any{1}, nil, &engine.DatabaseError{Doing: dsn, Err: errors.New(dsn)})
	}, s)
	require.NotContains(t, string(text), "c4n4ry")
	require.NotContains(t, string(text), "t41l")
	require.Contains(t, string(text), "postgres://odoo:***@db/prod")
	p := still(t, text)
	require.Equal(t, "failed: host=x password=*** user=y", p.Snapshot().Source.Err, "the rest is as it was")
	_, err := p.find("Runs", []any{"?password=c4n4ry"})
	require.NoError(t, err, "a question is found by what is left of it")
}

func TestARecordingThatWasCutOffIsReplayedUpToThere(t *testing.T) {
	t.Parallel()
	var given []*engine.Snapshot
	for i := range 20 {
		given = append(given, &engine.Snapshot{Sequence: uint64(i + 1), Profile: "prod"})
	}
	plain := written(t, false, nil, given...)
	lines := bytes.SplitAfter(plain, []byte("\n"))
	for cut := 0; cut < len(plain); cut += 23 {
		r, err := Read(bytes.NewReader(plain[:cut]))
		if cut < len(lines[0])+len(lines[1]) {
			require.ErrorIs(t, err, ErrNone)
			continue
		}
		require.NoError(t, err)
		require.Contains(t, r.Trouble, "cut off")
		require.Equal(t, bytes.Count(plain[:cut], []byte("\n"))-1, r.Frames())
	}
	damaged := bytes.Clone(plain)
	copy(damaged[len(damaged)-150:], "}}}")
	r, err := Read(bytes.NewReader(damaged))
	require.NoError(t, err)
	require.Regexp(t, `line \d+ cannot be read, and nothing behind it is shown: it is damaged`, r.Trouble)

	zipped := written(t, true, nil, given...)
	r, err = Read(bytes.NewReader(zipped[:len(zipped)-60]))
	require.NoError(t, err)
	require.NotEmpty(t, r.Trouble)
	require.Positive(t, r.Frames())
}

func TestALaterVersionIsRefused(t *testing.T) {
	t.Parallel()
	_, err := Read(strings.NewReader(`{"v":2,"type":"recording","started_at":"somewhen"}` + "\n"))
	require.ErrorIs(t, err, ErrNone)
	require.ErrorContains(t, err, "it has format 2, and this ferry knows formats up to 1")
	for _, text := range []string{"", "hello\n", "{}\n", `{"v":1,"type":"result"}` + "\n", "\x1f\x8bnot zipped"} {
		_, err := Read(strings.NewReader(text))
		require.ErrorIs(t, err, ErrNone, text)
	}
}

func TestWhatALaterFerryAddsIsLeftOut(t *testing.T) {
	t.Parallel()
	text := `{"v":1,"type":"recording","more":1}
{"type":"weather","at_ms":1}
{"type":"snapshot","at_ms":2,"whole":true,"set":{"Profile":"prod","Moon":"full","Tape":{"Name":"no"}}}
{"type":"end","at_ms":3}
`
	p := still(t, []byte(text))
	require.Empty(t, p.recording.Trouble)
	require.Equal(t, "prod", p.Snapshot().Profile)
	require.Equal(t, "x", p.Snapshot().Tape.Name)
}

// stuck is a disk that does not answer.
type stuck struct{ free chan struct{} }

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return len(p), nil
}

func TestADiskThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &stuck{make(chan struct{}, 1)}
		disk.free <- struct{}{} // the first line
		tape, err := NewTape(disk, Header{StartedAt: time.Now()}, false)
		require.NoError(t, err)
		operator := &stub{snapshot: &engine.Snapshot{Sequence: 1}, run: &engine.RunDetail{Batches: make([]engine.BatchView, 1000)}}
		r := Record(operator, tape, "night.jsonl")
		for range 100 {
			_, err := r.RunDetail(t.Context(), 7)
			require.NoError(t, err)
		}
		require.Positive(t, tape.Lost())
		require.LessOrEqual(t, tape.size.Load(), int64(queuedSize))
		require.Equal(t, tape.Lost(), r.Snapshot().Tape.Lost, "it is told")
		limited, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r.Close()
		require.ErrorIs(t, tape.Close(limited), context.DeadlineExceeded)
		close(disk.free)
		require.NoError(t, tape.Close(t.Context()))
	})
}

// full is a disk with room for some bytes.
type full struct {
	bytes.Buffer

	room int
}

func (f *full) Write(p []byte) (int, error) {
	if f.Len()+len(p) > f.room {
		n, _ := f.Buffer.Write(p[:f.room-f.Len()])
		return n, errors.New("write night.jsonl: no space left on device")
	}
	return f.Buffer.Write(p)
}

func TestADiskThatIsFullEndsTheRecordingAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := &full{room: 20_000}
		tape, err := NewTape(disk, Header{StartedAt: time.Now()}, false)
		require.NoError(t, err)
		operator := &stub{snapshot: &engine.Snapshot{Sequence: 1}, run: &engine.RunDetail{Batches: make([]engine.BatchView, 100)}}
		r := Record(operator, tape, "night.jsonl")
		<-time.After(time.Second)
		_, err = r.RunDetail(t.Context(), 7)
		require.NoError(t, err)
		<-time.After(5 * time.Second)
		require.Contains(t, r.Snapshot().Tape.Err, "no space left on device")
		got, err := r.RunDetail(t.Context(), 7)
		require.NoError(t, err)
		require.Same(t, operator.run, got)
		r.Close()
		require.Error(t, tape.Close(t.Context()))
		back, err := Read(&disk.Buffer)
		require.NoError(t, err)
		require.Equal(t, 1, back.Frames())
		require.Contains(t, back.Trouble, "cut off")
	})
}

func TestWhatWasShownIsRecordedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tape, err := NewTape(&out, Header{StartedAt: time.Now()}, true)
		require.NoError(t, err)
		operator := &stub{snapshot: &engine.Snapshot{Sequence: 1}, runErr: context.Canceled}
		r := Record(operator, tape, "x")
		<-time.After(time.Second)
		shown := r.Snapshot()
		require.Same(t, shown, r.Snapshot(), "nothing is new")
		_, err = r.RunDetail(t.Context(), 1)
		require.ErrorIs(t, err, context.Canceled)
		r.Close()
		require.NoError(t, tape.Close(t.Context()))
		require.EqualValues(t, 1, tape.Kept(), "a question that nobody waited for has no answer")
		p := still(t, out.Bytes())
		require.Equal(t, 1, p.recording.Frames())
		require.Greater(t, p.recording.Length, time.Second-time.Millisecond)
	})
}

func FuzzRecording(f *testing.F) {
	whole := written(f, false, func(r *Recorder) { r.keep("Runs", []any{0, 50}, []engine.RunSummary{{}}, nil) },
		&engine.Snapshot{Run: &engine.RunView{ID: 7}}, &engine.Snapshot{})
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(written(f, true, nil, &engine.Snapshot{}))
	f.Add([]byte(`{"v":1,"type":"recording"}` + "\n" + `{"type":"snapshot","at_ms":99999999999999,"whole":true}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, ErrNone)
			return
		}
		now := began
		p := Play(r, "x", Fastest, func() time.Time { return now })
		for range min(r.Frames(), 20) {
			require.NotNil(t, p.Snapshot())
			p.Step(1)
			now = now.Add(time.Second)
			_, _ = p.Runs(t.Context(), 0, 50)
		}
		p.Seek(-1)
		_, err = fields(p.Snapshot())
		require.NoError(t, err)
	})
}
