package recording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ferry/engine"
)

// Speed is how many times faster than it was a recording is replayed.
type Speed float64

// The speeds that Faster and Slower go through; the last one is called max.
var speeds = []Speed{0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, Fastest}

// Fastest replays ten minutes in a second.
const Fastest Speed = 600

// ParseSpeed reads "4x", "4", "0.5" or "max".
func ParseSpeed(text string) (Speed, error) {
	if strings.EqualFold(text, "max") {
		return Fastest, nil
	}
	number, err := strconv.ParseFloat(strings.TrimSuffix(strings.ToLower(text), "x"), 64)
	if err != nil || !(number >= 0.01 && number <= float64(Fastest)) {
		return 0, fmt.Errorf("%q is no speed: say 4x, 0.5x or max", text)
	}
	return Speed(number), nil
}

// String is "4x", or "max".
func (s Speed) String() string {
	if s >= Fastest {
		return "max"
	}
	return strconv.FormatFloat(float64(s), 'g', -1, 64) + "x"
}

// Player replays a recording: it is an operator that shows what was shown, answers what was answered, and refuses every
// action. It goes on with the clock, and may be steered by anybody.
type Player struct {
	recording *Recording
	name      string
	clock     func() time.Time

	mu       sync.Mutex
	speed    Speed
	paused   bool
	position time.Duration // since the recording's beginning
	moved    time.Time     // when position was true
	frame    int           // the one that decoded is of
	decoded  engine.Snapshot
	shown    *engine.Snapshot
	sequence uint64
}

var _ engine.Operator = (*Player)(nil)

// Play replays a recording, which has a name that may be shown, from its first snapshot on. The clock is the time in which
// it is watched; nil: the system's.
func Play(r *Recording, name string, speed Speed, clock func() time.Time) *Player {
	if clock == nil {
		clock = time.Now
	}
	p := &Player{recording: r, name: name, clock: clock, speed: speed, frame: -1, position: r.frames[0].at}
	p.moved = clock()
	return p
}

// Now is the recording's time.
func (p *Player) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	return p.now()
}

func (p *Player) now() time.Time { return p.recording.Header.StartedAt.Add(p.position) }

// goOn moves the position with the clock.
func (p *Player) goOn() {
	now := p.clock()
	passed := now.Sub(p.moved)
	p.moved = now
	if p.paused || passed <= 0 {
		return
	}
	p.position += min(time.Duration(float64(passed)*float64(p.speed)), longest)
	if p.position >= p.recording.Length {
		p.position, p.paused = p.recording.Length, true
	}
}

// at is the snapshot that was the latest at the position.
func (p *Player) at() int {
	after, _ := slices.BinarySearchFunc(p.recording.frames, p.position+1, func(f frame, t time.Duration) int {
		return int(f.at - t)
	})
	return max(after-1, 0)
}

// Snapshot is the one that was the latest at this moment of the recording. Its sequence is the player's, and rises with all that
// changes, also where the replay goes back.
func (p *Player) Snapshot() *engine.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	frame := p.at()
	view := engine.TapeView{
		Replay: true, Name: p.name, Speed: p.speed.String(), Paused: p.paused, Ended: p.position >= p.recording.Length,
		Lost: p.recording.Lost, Err: p.recording.Trouble,
	}
	if p.shown != nil && frame == p.frame && *p.shown.Tape == view {
		return p.shown
	}
	p.decode(frame)
	next := p.decoded
	p.sequence++
	next.Sequence, next.Tape = p.sequence, &view
	p.shown = &next
	return p.shown
}

// decode goes to a snapshot: from the one before where that is known, else from the last whole one.
func (p *Player) decode(to int) {
	frames := p.recording.frames
	from := p.frame + 1
	whole := to
	for !frames[whole].whole && whole > 0 {
		whole--
	}
	if p.frame < 0 || to < p.frame || whole > p.frame {
		from = whole
	}
	for i := from; i <= to; i++ {
		if frames[i].whole {
			p.decoded = engine.Snapshot{}
		}
		_ = apply(&p.decoded, frames[i].set) // it was tried when the recording was read
	}
	p.frame = to
}

// Toggle holds the replay, or lets it go on; at its end it begins anew.
func (p *Player) Toggle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	if p.paused && p.position >= p.recording.Length {
		p.position = p.recording.frames[0].at
	}
	p.paused = !p.paused
}

// Hold holds the replay.
func (p *Player) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	p.paused = true
}

// Step goes some snapshots ahead, or back, and holds the replay there.
func (p *Player) Step(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	p.paused = true
	frames := p.recording.frames
	at := p.at()
	if n < 0 && frames[at].at < p.position { // first to the beginning of this one
		n++
	}
	switch next := at + n; {
	case next >= len(frames):
		p.position = p.recording.Length
	default:
		for next > 0 && n < 0 && frames[next].at == p.position { // several of one moment count as one
			next--
		}
		p.position = frames[max(next, 0)].at
	}
}

// Skip goes ahead by a time of the recording, or back.
func (p *Player) Skip(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	p.seek(p.position + by)
}

// Seek goes to a time since the recording's beginning; a negative one counts from its end.
func (p *Player) Seek(to time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	if to < 0 {
		to += p.recording.Length
	}
	p.seek(to)
}

func (p *Player) seek(to time.Duration) {
	ended := p.position >= p.recording.Length
	p.position = min(max(to, p.recording.frames[0].at), p.recording.Length)
	if ended && p.paused && p.position < p.recording.Length { // only its end had held it
		p.paused = false
	}
}

// Faster takes the next speed, or the one before.
func (p *Player) Faster(up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	if up {
		for _, s := range speeds {
			if s > p.speed {
				p.speed = s
				return
			}
		}
		return
	}
	for _, s := range slices.Backward(speeds) {
		if s < p.speed {
			p.speed = s
			return
		}
	}
}

// Next is how long until the next snapshot of the recording comes, in the time in which it is watched; false: there is none.
func (p *Player) Next() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goOn()
	next := p.at() + 1
	if next >= len(p.recording.frames) {
		return 0, false
	}
	left := p.recording.frames[next].at - p.position
	return time.Duration(float64(left) / float64(p.speed)), true
}

// find gives what a question got last at this moment of the recording.
func (p *Player) find(ask string, with []any) (answer, error) {
	text, err := encode(with)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", ask, err)
	}
	p.mu.Lock()
	p.goOn()
	position := p.position
	p.mu.Unlock()
	all := p.recording.answers[ask+string(clean(text))]
	if len(all) == 0 {
		return answer{}, ErrNotRecorded
	}
	for _, a := range slices.Backward(all) {
		if a.at <= position {
			return a, nil
		}
	}
	return answer{}, fmt.Errorf("%w by then: it was first opened at %s", ErrNotRecorded,
		p.recording.Header.StartedAt.Add(all[0].at).UTC().Format("15:04:05Z"))
}

// replayed answers a question out of a recording.
func replayed[T any](p *Player, ask string, with ...any) (T, error) {
	var value T
	if with == nil {
		with = []any{}
	}
	a, err := p.find(ask, with)
	switch {
	case err != nil:
		return value, err
	case a.err != nil:
		return value, a.err.restore()
	}
	if err := json.Unmarshal(a.text, &value); err != nil {
		return value, fmt.Errorf("the recording's answer cannot be read: %w", err)
	}
	return value, nil
}
