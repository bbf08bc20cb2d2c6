package main

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync/atomic"

	tea "github.com/charmbracelet/bubbletea"
)

// crash is a panic of the console. It costs the console, and neither the terminal nor the work.
type crash struct {
	value any
	stack string
}

func (c *crash) Error() string { return fmt.Sprintf("the console crashed: %v", c.value) }

// guard stands between Bubble Tea and the console. Bubble Tea catches panics too, but prints the stack on the terminal,
// which in the case of a command is still in raw mode, and keeps it out of every log.
type guard struct {
	model   tea.Model
	lose    func(error)
	crashed atomic.Bool
	frame   string
}

// rescue ends the console in which the caller panicked. Defer it.
func (g *guard) rescue() {
	if value := recover(); value != nil {
		g.crashed.Store(true)
		g.lose(&crash{value, string(debug.Stack())})
	}
}

// Init starts the console.
func (g *guard) Init() (cmd tea.Cmd) {
	defer g.rescue()
	return g.command(g.model.Init())
}

// Update hands a message to the console, unless that has crashed.
func (g *guard) Update(msg tea.Msg) (model tea.Model, cmd tea.Cmd) {
	model = g // whatever happens
	if g.crashed.Load() {
		return model, nil
	}
	defer g.rescue()
	g.model, cmd = g.model.Update(msg)
	return model, g.command(cmd)
}

// View is the console's frame; the last one where there is no new one.
func (g *guard) View() string {
	if !g.crashed.Load() {
		g.draw()
	}
	return g.frame
}

func (g *guard) draw() {
	defer g.rescue()
	g.frame = g.model.View()
}

// commands is what Bubble Tea's batches and sequences are made of; the type of the latter has no name outside.
var commands = reflect.TypeFor[[]tea.Cmd]()

// command guards a command, and those that it brings.
func (g *guard) command(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer g.rescue()
		msg = cmd()
		if value := reflect.ValueOf(msg); value.Kind() == reflect.Slice && value.CanConvert(commands) {
			if list, ok := reflect.TypeAssert[[]tea.Cmd](value.Convert(commands)); ok {
				for i := range list { // in place: a conversion shares the elements
					list[i] = g.command(list[i])
				}
			}
		}
		return msg
	}
}
