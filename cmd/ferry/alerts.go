package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/monitor"
)

func (f *ferry) alertsCommand() *cobra.Command {
	limit := 0
	list := &cobra.Command{
		Use:   "list",
		Short: "Alerts, newest first: what fires or fired, since when, and whether somebody was told",
		Long: `List alerts, newest first, for 90 days: what happened, why, and what to do; since when and until when; and what became of
the messages about it.

Exit codes: 0 listed · 1 a database does not answer.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownLimit(limit); err != nil {
				return err
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.listAlerts(ctx, c, limit) })
		},
	}
	list.Flags().IntVar(&limit, "limit", 100, "at most so many alerts; 0 for all")
	test := &cobra.Command{
		Use:   "test",
		Short: "Send a message through every channel of the config now, and say what became of it",
		Long: `Send a message through every channel that this process has (--alerts, FERRY_ALERTS, or [alerts] channels = […] in the config
file), at once and once, and say what became of each.

Channels are URLs: smtp://user:password@host:587/?from=…&to=…, slack://hook:…@webhook, telegram://…@telegram?chats=…, discord://…,
teams://…, and others of shoutrrr; generic+https://host/path posts the text, with ?template=json as JSON; and
alertmanager+https://host:9093 posts to an Alertmanager's API v2.

Exit codes: 0 every channel took it · 1 one did not, or there is none · 4 refused (--read-only).`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.testAlerts(cmd.Context()) },
	}
	return group("alerts", "Alerts and the channels that carry them", list, test)
}

// alertLine is an alert in JSON.
type alertLine struct {
	engine.AlertView

	V     int    `json:"v"`
	Type  string `json:"type"`
	State string `json:"state"` // firing or resolved
}

func (f *ferry) listAlerts(ctx context.Context, c *crossing, limit int) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	shown, before := 0, int64(0)
	for {
		alerts, err := c.Alerts(ctx, before, page)
		if err != nil {
			return err
		}
		for _, a := range alerts {
			if limit > 0 && shown == limit {
				return f.listed(shown)
			}
			if err := f.alert(a); err != nil {
				return err
			}
			shown++
			before = a.ID
		}
		if len(alerts) < page {
			return f.listed(shown)
		}
	}
}

func (f *ferry) alert(a engine.AlertView) error {
	state := "firing"
	if !a.ResolvedAt.IsZero() {
		state = "resolved"
	}
	if f.settings.JSON {
		return f.line(alertLine{a, 1, "alert", state})
	}
	about := a.Rule
	if a.Entity != "" {
		about += " of " + a.Entity
	}
	when := "since " + a.FiredAt.UTC().Format("2006-01-02T15:04:05Z")
	if state == "resolved" {
		when += ", over " + a.ResolvedAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	return f.say(fmt.Sprintf("#%d %-8s %-8s %s  %s  %s  [%s]", a.ID, state, a.Severity, when, about, a.Text, told(a)))
}

// told says what became of the messages about an alert.
func told(a engine.AlertView) string {
	switch {
	case a.Quiet:
		return "quiet: nobody was told"
	case a.Pending > 0 && a.LastError != "":
		return fmt.Sprintf("%d sent, %d not through yet: %s", a.Sent, a.Pending, a.LastError)
	case a.Pending > 0:
		return fmt.Sprintf("%d sent, %d under way", a.Sent, a.Pending)
	case a.Sent == 0 && a.LastError != "":
		return "given up after a day: " + a.LastError
	case a.Sent == 0:
		return "no channel to tell it"
	}
	return fmt.Sprintf("%d sent", a.Sent)
}

// testLine is what became of a test on a channel, in JSON.
type testLine struct {
	engine.DeliveryView

	V    int    `json:"v"`
	Type string `json:"type"`
}

func (f *ferry) testAlerts(ctx context.Context) error {
	if f.settings.ReadOnly {
		return fmt.Errorf("%w: a test sends messages; start it without --read-only", engine.ErrReadOnly)
	}
	c, err := f.open(ctx, 0, logTo(f.err, slog.LevelError))
	if err != nil {
		return err
	}
	defer c.close()
	limited, cancel := context.WithTimeout(ctx, 2*monitor.SendLimit)
	defer cancel()
	tested, err := c.TestAlerts(limited, engine.Act{Reason: "ferry alerts test"})
	if err != nil {
		return err
	}
	failed := 0
	for _, d := range tested {
		if d.Error != "" {
			failed++
		}
		if err := f.tested(d); err != nil {
			return err
		}
	}
	if f.settings.JSON {
		if err := f.line(map[string]any{"v": 1, "type": "result", "channels": len(tested), "failed": failed}); err != nil {
			return err
		}
	}
	switch {
	case len(tested) == 0:
		return errors.New("no channel is configured, so alerts are kept and shown and nobody is told: write [alerts] channels = […] into " +
			"the config file, or set FERRY_ALERTS")
	case failed > 0:
		return fmt.Errorf("%d of %d channels did not take the message; what each said stands above", failed, len(tested))
	}
	return nil
}

func (f *ferry) tested(d engine.DeliveryView) error {
	if f.settings.JSON {
		return f.line(testLine{d, 1, "delivery"})
	}
	result := "took it"
	if d.Error != "" {
		result = "failed: " + d.Error
	}
	return f.say(d.Channel + " " + result)
}
