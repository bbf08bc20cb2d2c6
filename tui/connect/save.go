package connect

import (
	"context"
	"errors"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/themes"
	"ferry/tui/canvas"
)

const saveLimit = 10 * time.Second // a home directory may be far away

// savable says why the addresses cannot be saved, or nothing: only what was seen to work is kept, under a name, and never a
// password.
func (m *Model) savable() string {
	now := m.answer()
	switch {
	case !m.test.Known || now.Source != m.tested.Source || now.Target != m.tested.Target:
		return "test these addresses first: only what works is saved"
	case m.test.Value.Failed():
		return "these addresses do not pass the test: only what works is saved"
	}
	for i := range m.addresses {
		if m.addresses[i].secret {
			return labels[i].name + ": its address has a password in it, which would stand in the config in clear, so it is not saved. Put the password " +
				"into the password file (PGPASSFILE, ~/.pgpass), a service, or PGPASSWORD, and give the address without it"
		}
	}
	if now.Profile == "" {
		return "profile: give the name under which to save these addresses"
	}
	return ""
}

// save keeps the addresses as a profile. To replace another one it must be asked twice.
func (m *Model) save() tea.Cmd {
	if m.fault = m.refusal(); m.fault == "" {
		m.fault = m.savable()
		if m.test.Known && m.text(onProfile) == "" {
			m.focus = onProfile
		}
	}
	if m.fault != "" || m.saved.Waiting() {
		return nil
	}
	m.now = m.config.Clock()
	m.saved.Clear()
	m.saving = m.answer()
	pair, replace, save := m.saving, m.saving == m.replace, m.config.Save
	return m.saved.Fetch(m.now, m.reading, saveLimit, func(ctx context.Context) (string, error) { return save(ctx, pair, replace) })
}

// kept takes what became of a save.
func (m *Model) kept() {
	switch err := m.saved.Err; {
	case err == nil:
	case errors.Is(err, ErrTaken):
		m.replace = m.saving
		m.fault = "profile: there is a profile " + m.saving.Profile + " with other addresses; save once more to replace them, or give another name"
	default:
		m.fault = "not saved: " + err.Error()
	}
}

// offer tells what saving does, or where the addresses were saved.
func (m *Model) offer() []canvas.Line {
	now := m.answer()
	switch {
	case m.config.Save == nil:
		return nil
	case m.saved.Waiting():
		return m.wrapped(themes.Info, "◌ saving")
	case m.saved.Known && now == m.saving:
		return m.wrapped(themes.OK, "✓ "+m.saved.Value)
	case m.savable() != "" && now.Profile != "" || m.test.Value.Failed():
		return nil
	case now.Profile == "":
		return m.wrapped(themes.Muted, "Give a profile name and save, and `ferry --profile NAME` opens this pair.")
	}
	return m.wrapped(themes.Muted, "Save keeps this pair: `ferry --profile "+now.Profile+"` opens it then.")
}
