package connect_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/connect"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

var update = flag.Bool("update", false, "write the golden frames anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	source = "postgres://odoo@10.0.4.7/prod"
	target = "postgres://engine@10.0.4.9/loyalty"
)

type bench struct {
	model *connect.Model
	asked [][2]string // what was tested
	found engine.Preflight
}

func setup(t *testing.T, width, height int, change ...func(*connect.Config)) *bench {
	t.Helper()
	b := &bench{found: tuitest.Looked()}
	config := connect.Config{
		Test: func(_ context.Context, source, target string) engine.Preflight {
			b.asked = append(b.asked, [2]string{source, target})
			return b.found
		},
		Theme:    themes.Theme{Name: "plain"},
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)),
		Clock:    func() time.Time { return tuitest.Noon },
	}
	for _, c := range change {
		c(&config)
	}
	b.model = connect.New(t.Context(), config)
	b.send(tea.WindowSizeMsg{Width: width, Height: height})
	return b
}

// send gives the model a message and those that follow from it, except that time does not pass.
func (b *bench) send(msg tea.Msg) (quit bool) {
	_, cmd := b.model.Update(msg)
	if cmd == nil {
		return false
	}
	switch next := cmd().(type) {
	case tea.QuitMsg:
		return true
	case tea.BatchMsg: // the second that passes, and the test
		b.send(next[1]())
	default: // what was saved
		b.send(next)
	}
	return false
}

func (b *bench) press(keys ...string) (quit bool) {
	for _, key := range keys {
		quit = b.send(tuitest.Key(key)) || quit
	}
	return quit
}

func (b *bench) paste(text string) {
	b.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
}

func (b *bench) frame() string { return b.model.View() }

func prefilled(c *connect.Config) { c.Source, c.Target, c.Profile = source, target, "prod" }

func TestTheOperatorGivesTwoAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 24)
	require.Contains(t, b.frame(), "Passwords are never typed here")
	require.Contains(t, b.frame(), "or run ferry demo to look around")
	b.paste(source + "\n")
	b.press("enter")
	b.paste(target)
	b.press("tab", "p", "r", "o", "d", "enter")
	require.Contains(t, b.frame(), "› Test")
	b.press("enter")
	require.Equal(t, [][2]string{{source, target}}, b.asked)
	require.Contains(t, b.frame(), "Nothing fails; 2 could not be checked")
	require.True(t, b.press("right", "enter"))
	require.Equal(t, connect.Result{Source: source, Target: target, Profile: "prod", Accepted: true}, connect.ResultOf(b.model))
}

func TestLeavingDecidesNothing(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{{"esc"}, {"ctrl+c"}, {"right", "right", "right", "enter"}} {
		b := setup(t, 80, 24, prefilled)
		require.True(t, b.press(keys...))
		require.Equal(t, connect.Result{}, connect.ResultOf(b.model))
	}
	require.Equal(t, connect.Result{}, connect.ResultOf(nil))
}

func TestAPasswordIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for address, left := range map[string]string{
		"postgres://odoo:hunter2@10.0.4.7/prod":      "postgres://odoo@10.0.4.7/prod",
		"host=db1 password=hunter2":                  "host=db1",
		"postgres://db1/prod?password=hunter2":       "postgres://db1/prod",
		"host=db1 password = 'hunter2' dbname=prod ": "host=db1 dbname=prod",
		"postgres://odoo:***@db1/prod":               "postgres://odoo@db1/prod",
	} {
		for _, how := range []string{"paste", "tab", "enter", "up"} {
			b := setup(t, 80, 24, func(c *connect.Config) { c.Target = target })
			if how == "paste" {
				b.paste(address)
			} else {
				for _, r := range address {
					b.press(string(r))
				}
				b.press(how)
			}
			require.Contains(t, b.frame(), "✗ source: no password here")
			require.Contains(t, b.frame(), "PGPASSFILE")
			require.NotContains(t, b.frame(), "hunter2", "it does not stay on the screen")
			require.Contains(t, b.frame(), "› source    "+left+"_")
			require.Empty(t, b.asked)
		}
	}
}

func TestAPasswordOfTheConfigurationIsUsedAndNotShown(t *testing.T) {
	t.Parallel()
	const secret = "postgres://odoo:hunter2@10.0.4.7/prod"
	b := setup(t, 80, 24, func(c *connect.Config) { c.Source, c.Target = secret, target })
	require.NotContains(t, b.frame(), "hunter2")
	require.Contains(t, b.frame(), "its password comes from the configuration")
	b.press("enter")
	require.Equal(t, [][2]string{{secret, target}}, b.asked)
	require.True(t, b.press("right", "enter"))
	require.Equal(t, secret, connect.ResultOf(b.model).Source)

	for given, want := range map[string]string{
		secret: "postgres://odoo@10.0.4.7/prod2",
		"host=db1 password='hunter2' user=odoo dbname=prod": "host=db1 user=odoo dbname=prod2",
		"postgres://db1/prod?password=hunter2":              "postgres://db1/prod2",
	} {
		b = setup(t, 80, 24, func(c *connect.Config) { c.Source, c.Target = given, target })
		b.press("up", "up", "up", "end", "2")
		require.NotContains(t, b.frame(), "***", "another address does not get this password")
		require.True(t, b.press("tab", "tab", "tab", "right", "enter"))
		require.Equal(t, want, connect.ResultOf(b.model).Source)
	}
}

func TestTheCursorStaysWhenAPasswordIsDropped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"home", "right", "right", "delete"}, "po_tgres://odoo@db1/prod"},
		{[]string{"left", "left", "left", "left", "backspace"}, "postgres://odoo@db1_prod"},
	} {
		b := setup(t, 80, 24, func(c *connect.Config) { c.Source, c.Target = "postgres://odoo:hunter2@db1/prod", target })
		b.press("up", "up", "up")
		b.press(c.keys...)
		require.Contains(t, b.frame(), c.want)
	}
}

func TestWhatCannotBeRightIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 24)
	b.press("enter")
	require.Contains(t, b.frame(), "✗ source: give its address")
	b = setup(t, 80, 24, func(c *connect.Config) { c.Source, c.Target = source, source })
	b.press("enter")
	require.Contains(t, b.frame(), "source and engine are the same address")
	b = setup(t, 80, 24, prefilled)
	b.press("up", "!", "enter")
	require.Contains(t, b.frame(), "✗ profile: up to 32 letters")
	require.Empty(t, b.asked)
}

func TestATestOfOtherAddressesSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 24, prefilled)
	b.found = tuitest.Unfit()
	b.press("enter")
	require.Contains(t, b.frame(), "✗ The source could be written")
	b.press("up", "up", "x")
	require.Contains(t, b.frame(), "The addresses have changed since this test")
}

// keeper is a saver that a test looks at.
type keeper struct {
	asked    []connect.Result
	replaced []bool
	err      error
}

func (k *keeper) save(_ context.Context, pair connect.Result, replace bool) (string, error) {
	k.asked, k.replaced = append(k.asked, pair), append(k.replaced, replace)
	return "saved: `ferry --profile prod` opens this pair; it stands in /home/odoo/.config/ferry/config.toml", k.err
}

func (k *keeper) into(c *connect.Config) { c.Save = k.save }

func TestWhatWasTestedIsSavedUnderAName(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	b := setup(t, 80, 24, k.into, func(c *connect.Config) { c.Source, c.Target = source, target })
	b.press("right", "right", "enter")
	require.Contains(t, b.frame(), "✗ test these addresses first: only what works is saved")
	b.press("left", "left", "enter")
	require.Contains(t, b.frame(), "Give a profile name and save")
	b.press("right", "right", "enter")
	require.Contains(t, b.frame(), "✗ profile: give the name under which to save these addresses")
	require.Contains(t, b.frame(), "› profile", "where it is missing")
	b.press("p", "r", "o", "d", "tab", "tab", "tab")
	require.Contains(t, b.frame(), "Save keeps this pair: `ferry --profile prod` opens it then")
	require.Empty(t, k.asked)
	b.press("enter")
	require.Equal(t, []connect.Result{{Source: source, Target: target, Profile: "prod"}}, k.asked)
	require.Contains(t, b.frame(), "✓ saved: `ferry --profile prod` opens this pair")
	b.press("tab", "tab", "x")
	require.NotContains(t, b.frame(), "✓ saved", "that was another pair")
}

func TestAPasswordIsNotSaved(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	b := setup(t, 80, 24, k.into, prefilled, func(c *connect.Config) { c.Source = "postgres://odoo:hunter2@10.0.4.7/prod" })
	b.press("enter", "right", "right", "enter")
	require.Contains(t, b.frame(), "✗ source: its address has a password in it, which would stand in the config")
	require.NotContains(t, b.frame(), "hunter2")
	require.Empty(t, k.asked)
}

func TestWhatFailsIsNotSaved(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	b := setup(t, 80, 24, k.into, prefilled)
	b.found = tuitest.Unfit()
	b.press("enter", "right", "right", "enter")
	require.Contains(t, b.frame(), "✗ these addresses do not pass the test")
	require.Empty(t, k.asked)
}

func TestAnotherProfileIsReplacedOnlyWhenAskedTwice(t *testing.T) {
	t.Parallel()
	k := &keeper{err: connect.ErrTaken}
	b := setup(t, 80, 24, k.into, prefilled)
	b.press("enter", "right", "right", "enter")
	require.Contains(t, b.frame(), "✗ profile: there is a profile prod with other addresses; save once more to")
	b.press("up", "up", "up", "2", "down", "down", "down", "enter")
	k.err = nil
	b.press("enter")
	require.Equal(t, []bool{false, false, true}, k.replaced, "another name is asked about anew")
	require.Contains(t, b.frame(), "✓ saved: ")

	k = &keeper{err: errors.New("permission denied")}
	b = setup(t, 80, 24, k.into, prefilled)
	b.press("enter", "right", "right", "enter")
	require.Contains(t, b.frame(), "✗ not saved: permission denied")
}

func TestALineIsEdited(t *testing.T) {
	t.Parallel()
	b := setup(t, 80, 24)
	b.press("b", "d", "left", "c", "home", "a", "end", "e", "backspace", "home", "delete")
	require.Contains(t, b.frame(), "source    _bcd")
	b.paste("tab\there\x1b[2J")
	require.Contains(t, b.frame(), "tab here␛[2J_bcd")
}

func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	for _, size := range []struct {
		name          string
		width, height int
	}{{"80x24", 80, 24}, {"140x45", 140, 45}, {"60x16", 60, 16}} {
		frames := map[string]string{}
		b := setup(t, size.width, size.height, (&keeper{}).into)
		frames["connect"] = b.frame()
		b.paste("postgres://odoo:hunter2@10.0.4.7/prod")
		frames["connect-password"] = b.frame()
		b = setup(t, size.width, size.height, (&keeper{}).into, prefilled, func(c *connect.Config) { c.Why = "the engine database does not answer" })
		b.press("enter")
		frames["connect-tested"] = b.frame()
		b.press("right", "right", "enter")
		frames["connect-saved"] = b.frame()
		b = setup(t, size.width, size.height, (&keeper{}).into, prefilled)
		b.found = tuitest.Unfit()
		b.press("enter")
		frames["connect-fails"] = b.frame()
		for name, frame := range frames {
			compare(t, name+"."+size.name, frame)
		}
	}
}

func compare(t *testing.T, name, frame string) {
	t.Helper()
	var trimmed []string
	for line := range strings.SplitSeq(frame, "\n") {
		trimmed = append(trimmed, strings.TrimRight(line, " "))
	}
	got := []byte(strings.Join(trimmed, "\n") + "\n")
	file := filepath.Join("..", "..", "testdata", "golden", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update")
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; look at it and run with -update\nwant:\n%s\ngot:\n%s", file, want, got)
	}
}

// Whatever is typed or found, the frame fits the window and nothing in it is a control.
func TestEveryFrameIsSound(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"\x1b[2J", "\u202eevil", "\xff", "字字字", "🇩🇪", strings.Repeat("long ", 90), "password=x", "a:b@c", "postgres://u:p@h/d",
	}))
	keys := []string{
		"tab", "shift+tab", "up", "down", "left", "right", "home", "end", "enter", "backspace", "delete", "ctrl+u", "pgdown", "pgup", "a",
	}
	rapid.Check(t, func(rt *rapid.T) {
		width, height := rapid.IntRange(1, 150).Draw(rt, "width"), rapid.IntRange(1, 50).Draw(rt, "height")
		b := setup(t, width, height, func(c *connect.Config) {
			c.Source, c.Target, c.Profile = text.Draw(rt, "source"), text.Draw(rt, "target"), text.Draw(rt, "profile")
			c.Save = func(context.Context, connect.Result, bool) (string, error) {
				if said := text.Draw(rt, "saved"); rapid.Bool().Draw(rt, "saves") {
					return said, nil
				}
				return "", connect.ErrTaken
			}
		})
		b.found = engine.Preflight{engine.FailLine(text.Draw(rt, "name"), text.Draw(rt, "found"), text.Draw(rt, "advice"))}
		for range rapid.IntRange(0, 12).Draw(rt, "steps") {
			if rapid.IntRange(0, 3).Draw(rt, "paste") == 0 {
				b.paste(text.Draw(rt, "text"))
			} else {
				b.press(rapid.SampledFrom(keys).Draw(rt, "key"))
			}
			lines := strings.Split(b.frame(), "\n")
			require.Len(rt, lines, height)
			for _, line := range lines {
				require.Equal(rt, width, ansi.StringWidth(line), "%q", line)
				for _, r := range line {
					require.False(rt, unicode.IsControl(r) || unicode.Is(unicode.Cf, r), "%U in %q", r, line)
				}
			}
		}
	})
}
