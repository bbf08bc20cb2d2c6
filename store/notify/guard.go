package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// largestAnswer is how much of a receiver's answer is read.
const largestAnswer = 64 << 10

// attemptLimit is how long one attempt may take; others wait for it, so it is well below monitor.SendLimit.
const attemptLimit = 8 * time.Second

// guard stands between shoutrrr's services and the network. They use the default transport, most of them without any limit of
// time, follow redirects wherever they lead, and some (Telegram's) take a receiver that cannot be reached for one that has
// the message. So while one of them sends, every request is held to the attempt's time and to its own host, and its outcome
// is kept: what was not answered well was not delivered, whatever the service says.
type guard struct {
	next http.RoundTripper

	mu       sync.Mutex
	watching *watch
}

// watch is one attempt.
type watch struct {
	ctx      context.Context //nolint:containedctx // a service's requests have none of their own
	mu       sync.Mutex
	requests int
	failure  error
}

// theGuard is in its place from the first channel on: before any message is sent, and before a transport of our own is derived.
var theGuard = sync.OnceValue(func() *guard {
	g := &guard{next: http.DefaultTransport}
	http.DefaultTransport = g //nolint:reassign // shoutrrr's services offer no other place
	return g
})

var sendOne = make(chan struct{}, 1) // one attempt at a time: a request does not say whose it is

// watched makes an attempt under the guard.
func watched(ctx context.Context, attempt func(context.Context) error) error {
	select {
	case sendOne <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("other messages took all the time: %w", ctx.Err())
	}
	defer func() { <-sendOne }()
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel() // and with it every request that is still under way
	w := &watch{ctx: ctx}
	theGuard().set(w)
	defer theGuard().set(nil)
	err := attempt(ctx)
	return w.outcome(err)
}

func (g *guard) set(w *watch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watching = w
}

// RoundTrip carries out a request; one of an attempt under the attempt's limits.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	w := g.watching
	g.mu.Unlock()
	if w == nil {
		return g.next.RoundTrip(req) //nolint:wrapcheck // it is another's
	}
	res, err := w.roundTrip(g.next, req)
	w.note(req, res, err)
	return res, err
}

var errElsewhere = errors.New("it points to another host, which is not followed")

func (w *watch) roundTrip(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	if req.Response != nil && req.Response.Request != nil && !sameHost(req.Response.Request, req) {
		return nil, errElsewhere
	}
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)() //nolint:contextcheck // either of the two ends it
	own := req.Clone(ctx)
	own.Close = true // no connection waits for the next message, which may be days away
	res, err := next.RoundTrip(own)
	if err != nil {
		return nil, err //nolint:wrapcheck // note says where
	}
	defer res.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	if err != nil {
		return nil, err //nolint:wrapcheck // note says where
	}
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, nil
}

// sameHost reports whether a request goes where another went, and not by a less safe way.
func sameHost(from, to *http.Request) bool {
	return from.URL.Host == to.URL.Host && (from.URL.Scheme == to.URL.Scheme || to.URL.Scheme == "https")
}

// note keeps what became of a request.
func (w *watch) note(req *http.Request, res *http.Response, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	switch {
	case err != nil:
		w.failure = fmt.Errorf("%s: %w", req.URL.Host, err)
	case res.StatusCode >= http.StatusBadRequest:
		w.failure = fmt.Errorf("%s answered %s", req.URL.Host, res.Status)
	}
}

// outcome is how an attempt ended, by what the service says and by what its requests came to.
func (w *watch) outcome(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.failure != nil:
		return w.failure
	case err == nil && w.requests == 0:
		return errors.New("the service sent nothing")
	}
	return err
}
