package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var moving = regexp.MustCompile(`\d+[a-z]*|trying now|next try in|\s+`)

// A terminal that is resized two hundred times in a row shows in the end what it shows to a console that always had its last size.
func TestAStormOfSizesOnATerminal(t *testing.T) {
	t.Parallel()
	still := func(p *process) string { return moving.ReplaceAllString(p.text(), "") }
	fresh := launch(t, nowhere, true)
	p := launch(t, nowhere, true)
	for _, each := range []*process{fresh, p} {
		each.await("a first frame", func() bool {
			return strings.Contains(each.text(), "quit") && strings.Contains(each.text(), "UNREACHABLE")
		})
	}
	for i := range 200 {
		require.NoError(t, resize(p, uint16(20+i*37%230), uint16(5+i*13%75)))
	}
	require.NoError(t, resize(p, 80, 24))
	p.await("the frame of a fresh console", func() bool { return still(p) == still(fresh) })
	for _, each := range []*process{fresh, p} {
		each.press("q")
		require.Equal(t, exitClean, each.exits())
	}
}
