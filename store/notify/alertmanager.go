package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ferry/engine/monitor"
)

// alertmanagerScheme begins the URL of an Alertmanager: alertmanager+https://host:9093. Without a path messages go to its
// second API.
const (
	alertmanagerScheme = "alertmanager"
	alertsPath         = "/api/v2/alerts"
)

// holdsFor is how long an Alertmanager takes an alert to fire that it hears no more of: ferry says when it is over.
const holdsFor = 30 * 24 * time.Hour

// alertmanager posts alerts in the form of Alertmanager's API v2: a list of labels, annotations, and when the alert began and
// ended. Labels are the same whenever a rule fires for an entity, so an Alertmanager knows it again.
type alertmanager struct {
	address

	name   string
	client *http.Client
}

func newAlertmanager(name string, a address) *alertmanager {
	target := *a.url
	_, target.Scheme, _ = strings.Cut(a.url.Scheme, "+")
	if strings.Trim(target.Path, "/") == "" {
		target.Path = alertsPath
	}
	a.url = &target
	return &alertmanager{address: a, name: name, client: &http.Client{
		Transport: direct(),
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 3 || !sameHost(via[0], req) {
				return errElsewhere
			}
			return nil
		},
	}}
}

// direct is a transport of its own, which no guard looks at: a request is held to its time by its context. No connection waits
// for the next message, which may be days away.
func direct() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if usual, ok := theGuard().next.(*http.Transport); ok {
		t = usual.Clone()
	}
	t.DisableKeepAlives = true
	return t
}

// posted is an alert as Alertmanager takes it.
type posted struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// Name is what the channel is called.
func (a *alertmanager) Name() string { return a.name }

// Send posts one alert.
func (a *alertmanager) Send(ctx context.Context, m monitor.Message) error {
	return a.cleaned(a.post(ctx, m))
}

func (a *alertmanager) post(ctx context.Context, m monitor.Message) error {
	p := posted{
		Labels: map[string]string{
			"alertname": "ferry_" + strings.ReplaceAll(m.Rule, "-", "_"), "service": "ferry", "severity": string(m.Severity), "instance": m.Instance,
		},
		Annotations: map[string]string{
			"where": monitor.OneLine(m.Where), "summary": title(m), "description": monitor.OneLine(m.Text), "message": strconv.FormatInt(m.Delivery, 10),
		},
		StartsAt: m.FiredAt.UTC(), EndsAt: m.At.UTC().Add(holdsFor),
	}
	if m.Entity != "" {
		p.Labels["entity"] = m.Entity
	}
	if m.Kind == monitor.Resolved || m.Kind == monitor.Test {
		p.EndsAt = m.At.UTC()
	}
	text, err := json.Marshal([]posted{p})
	if err != nil {
		return fmt.Errorf("writing the alert: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url.String(), bytes.NewReader(text))
	if err != nil {
		return errors.New("the URL is not one that can be posted to")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := a.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // its text is the URL's
		}
		return fmt.Errorf("%s: %w", a.url.Host, err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	said, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", a.url.Host, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("%s answered %s: %s", a.url.Host, res.Status, bytes.TrimSpace(said))
	}
	return nil
}
