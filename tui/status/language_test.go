package status_test

import (
	"io/fs"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/status"
)

// spoken lists every sign that a state of anything can have.
func spoken() []status.Sign {
	var all []status.Sign
	for _, s := range status.All() {
		all = append(all, s.Sign())
	}
	for _, s := range []engine.BatchState{engine.BatchQueued, engine.BatchRunning, engine.BatchDone, engine.BatchFailed} {
		all = append(all, status.OfBatch(&engine.BatchView{State: s}))
	}
	runs := []engine.RunState{
		engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunPausing, engine.RunPaused, engine.RunAsking, engine.RunInterrupted,
		engine.RunCancelled, engine.RunFailed, engine.RunDone,
	}
	for _, run := range runs {
		for _, s := range []engine.StepState{engine.StepWaiting, engine.StepRunning, engine.StepDone} {
			all = append(all, status.OfStep(s, run))
		}
		for _, s := range []engine.RehearsalStepState{
			engine.RehearsalWaiting, engine.RehearsalRunning, engine.RehearsalDone, engine.RehearsalFailed, engine.RehearsalSkipped,
		} {
			all = append(all, status.OfRehearsalStep(s, &engine.RehearsalView{RunView: engine.RunView{State: run}}))
		}
	}
	for _, v := range []engine.Verdict{engine.Pass, engine.Fail, engine.CouldNotCheck, ""} {
		all = append(all, status.OfVerdict(v))
	}
	for _, s := range status.FoundStates() {
		all = append(all, status.OfFound(s))
	}
	for _, c := range []status.Card{
		status.CardUnknown, status.CardExplained, status.CardInFlight, status.CardWrong, status.CardQuarantined, status.CardDrifted, status.CardRight,
	} {
		all = append(all, c.Sign())
	}
	return all
}

// A word has one glyph and one role, whatever the thing is whose state it tells.
func TestAWordLooksTheSameEverywhere(t *testing.T) {
	t.Parallel()
	seen := map[string]status.Sign{}
	for _, sign := range spoken() {
		require.NotEqual(t, status.Sign{}, sign)
		if other, ok := seen[sign.Word]; ok {
			require.Equal(t, other, sign)
		}
		seen[sign.Word] = sign
	}
	require.Equal(t, status.Sign{Glyph: "?", Word: "needs answer", Role: themes.Bad}, seen["needs answer"])
}

// No screen has another glyph for a state, or another word for what needs an answer.
func TestScreensSpeakTheSameLanguage(t *testing.T) {
	t.Parallel()
	glyphs := map[string]string{}
	var words []string
	for _, sign := range spoken() {
		word := strings.ToLower(sign.Word)
		if glyphs[word] == "" {
			words = append(words, regexp.QuoteMeta(word))
		}
		glyphs[word] = sign.Glyph
	}
	sort.Slice(words, func(i, j int) bool { return len(words[i]) > len(words[j]) })
	signs := regexp.MustCompile(`(?i)([◌●◐‖○✓✗×◆■?]) (` + strings.Join(words, "|") + `)(  |$|,| │| #| (at|full|tick|incremental|check) )`)
	others := regexp.MustCompile(`(?i)\basks( whether|:|  |$)|\basking\b|wait(s|ing) for an answer`)
	folder, met := os.DirFS("../../testdata/golden"), map[string]bool{}
	files, err := fs.Glob(folder, "*.txt")
	require.NoError(t, err)
	for _, file := range files {
		text, err := fs.ReadFile(folder, file)
		require.NoError(t, err)
		for line := range strings.SplitSeq(string(text), "\n") {
			require.NotRegexp(t, others, line, file)
			for _, found := range signs.FindAllStringSubmatch(line, -1) {
				word := strings.ToLower(found[2])
				met[word] = true
				require.Equal(t, glyphs[word], found[1], "%s: %s", file, line)
			}
		}
	}
	require.Greater(t, len(met), 20, "the frames show states at all")
}

// Signs are made in this package alone.
func TestNoScreenMakesSignsOfItsOwn(t *testing.T) {
	t.Parallel()
	tree := os.DirFS("..")
	err := fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasPrefix(file, "status/") {
			return err
		}
		text, err := fs.ReadFile(tree, file)
		require.NotContains(t, string(text), "status.Sign{", file)
		return err
	})
	require.NoError(t, err)
}
