// Package termprobe decides what the terminal is, so that nobody has to ask it.
//
// Bubble Tea asks the terminal for its background while the program is still being initialised, and lipgloss asks once
// more for every fresh renderer. A terminal that does not answer costs five seconds each time, even for --version.
// This package answers first: its init runs before Bubble Tea's, because Go initialises packages in the order of their
// import paths as soon as what they import is ready, "ferry/…" sorts before "github.com/…", and it imports nothing but
// the standard library, lipgloss and a package that lipgloss itself imports. Do not make it import anything else.
//
// NewRenderer is the one constructor of renderers in this program, for the same reason.
package termprobe

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Background is what lies behind the text.
type Background string

// The backgrounds that an operator may name.
const (
	Auto  Background = ""
	Dark  Background = "dark"
	Light Background = "light"
)

func init() { //nolint:gochecknoinits // it must happen before Bubble Tea is initialised; see above
	lipgloss.SetHasDarkBackground(guess(os.Getenv) == Dark)
}

// Resolve says what lies behind the text: what the operator named, else what COLORFGBG says, else dark. It never asks
// the terminal.
func Resolve(named string, getenv func(string) string) (Background, error) {
	switch Background(strings.ToLower(named)) {
	case Auto, "auto":
		return guess(getenv), nil
	case Dark:
		return Dark, nil
	case Light:
		return Light, nil
	}
	return "", fmt.Errorf("background %q: say dark or light", named)
}

// guess reads COLORFGBG, "foreground;background" or "foreground;other;background" in numbers of the sixteen colours.
func guess(getenv func(string) string) Background {
	fields := strings.Split(getenv("COLORFGBG"), ";")
	number, err := strconv.Atoi(fields[len(fields)-1])
	if err == nil && (number == 7 || (number >= 9 && number <= 15)) {
		return Light
	}
	return Dark
}

// Option settles something about a renderer that would otherwise be read from the environment.
type Option func(*settings)

type settings struct {
	background Background
	profile    termenv.Profile
	fixed      bool
}

// On says what lies behind the text.
func On(b Background) Option { return func(s *settings) { s.background = b } }

// InColours fixes how many colours there are; termenv.Ascii means none, nor bold or reverse either.
func InColours(p termenv.Profile) Option {
	return func(s *settings) { s.profile, s.fixed = p, true }
}

// NewRenderer makes a renderer for what is written to w. Colours follow NO_COLOR, CLICOLOR, TERM and COLORTERM unless
// an option fixes them.
func NewRenderer(w io.Writer, options ...Option) *lipgloss.Renderer {
	set := settings{background: guess(os.Getenv)}
	for _, option := range options {
		option(&set)
	}
	r := lipgloss.NewRenderer(w)
	if !set.fixed {
		set.profile = termenv.NewOutput(w, termenv.WithEnvironment(environment{})).EnvColorProfile()
	}
	r.SetColorProfile(set.profile)
	r.SetHasDarkBackground(set.background != Light)
	return r
}

// environment is this process's, in which terminals that have eight colours say so: termenv goes by the name, and knows of some
// families only those members that have "color" in theirs. GNU screen is "screen", wherever nobody has configured it.
type environment struct{}

// Environ is what termenv asks for.
func (environment) Environ() []string { return os.Environ() }

// Getenv is what termenv asks.
func (environment) Getenv(name string) string {
	value := os.Getenv(name)
	if name == "TERM" && eightColours(value) {
		return value + "-color"
	}
	return value
}

// eightColours reports whether a terminal is one of those of which terminfo says that they have that many.
func eightColours(term string) bool {
	family, member, _ := strings.Cut(strings.ToLower(term), "-")
	if member == "m" || strings.Contains(member, "mono") || strings.Contains(member, "color") {
		return false
	}
	family, _, _ = strings.Cut(family, ".")
	switch family {
	case "screen", "tmux", "rxvt", "putty", "konsole", "gnome", "vte", "st", "mlterm", "eterm", "cygwin", "teraterm":
		return true
	}
	return false
}
