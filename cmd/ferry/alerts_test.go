package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
)

// inbox is a webhook that keeps what it takes.
type inbox struct {
	*httptest.Server

	mu  sync.Mutex
	got []string
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, r.URL.Path+" "+string(text))
		if strings.Contains(r.URL.Path, "broken") {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(in.Close)
	return in
}

func TestAlertsAreTestedThroughEveryChannel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := newInbox(t)
	require.Equal(t, exitError, b.ferry(t, "alerts", "test").code, "there is none")
	b.env["FERRY_ALERTS"] = "generic+" + in.URL + "/t0ken"
	a := b.ferry(t, "alerts", "test")
	require.Equal(t, exitClean, a.code, a.err)
	require.Equal(t, "generic+"+in.URL+" took it\n", a.out)
	require.Len(t, in.got, 1)
	require.Contains(t, in.got[0], "/t0ken ferry TEST: test\n\nThis is a test that ")

	b.env["FERRY_ALERTS"] += " generic+" + in.URL + "/broken/t0ken"
	a = b.ferry(t, "alerts", "test", "--json")
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "1 of 2 channels did not take the message")
	said := lines(t, a.out)
	require.Len(t, said, 3)
	require.Equal(t, "generic+"+in.URL+" #2", said[1]["channel"])
	require.Contains(t, said[1]["error"], "502")
	require.EqualValues(t, 1, said[2]["failed"])
	require.NotContains(t, a.out+a.err, "t0ken")
	require.Equal(t, exitRefused, b.ferry(t, "alerts", "test", "--read-only").code)
}

func TestAlertsAreListed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Empty(t, b.ferry(t, "alerts", "list").out)
	b.target.Exec(t, `INSERT INTO ferry.alert (rule, entity, severity, text, told)
			VALUES ('agreement', 'loyalty_card', 'critical', E'half\nof it \x1b[31m', true)`,
		`INSERT INTO ferry.alert (rule, severity, text, resolved_at) VALUES ('freshness', 'critical', 'late', clock_timestamp())`,
		`INSERT INTO ferry.delivery (alert_id, channel, message, severity, text, error)
			VALUES (1, 'slack', 'firing', 'critical', 'x', 'slack answered 502')`)
	a := b.ferry(t, "alerts", "list")
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `(?m)^#2 resolved critical since .*, over .*  freshness  late  \[quiet: nobody was told\]$`, a.out)
	require.Regexp(t, `(?m)^#1 firing   critical since .*  agreement of loyalty_card  half.*\[0 sent, 1 not through yet: slack answered 502\]$`, a.out)
	require.NotContains(t, a.out, "\x1b")
	said := lines(t, b.ferry(t, "alerts", "list", "--json", "--limit", "1").out)
	require.Len(t, said, 2)
	require.Equal(t, "resolved", said[0]["state"])
	require.Equal(t, "freshness", said[0]["rule"])
	require.Equal(t, true, said[0]["quiet"])
}

func TestChannelsComeFromWhereSecretsMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const slack = "slack://hook:T0CANARY0-B0CANARY0-CANARY789012345678901234@webhook"
	for _, args := range [][]string{{"--alerts", slack}, {"--alerts", "smtp://mail/?from=a@x&to=b@x " + slack}} {
		a := b.ferry(t, append(args, "status")...)
		require.Equal(t, exitUsage, a.code)
		require.Contains(t, a.err, "FERRY_ALERTS")
		require.NotContains(t, a.err+a.out, "CANARY")
	}
	require.Equal(t, []any{"smtp://mail:25"}, at(t, b.checked(t, exitClean, "--alerts", "smtp://mail:25/?from=a@x&to=b@x"), "settings", "alerts", "value"))

	file := b.configure(t, "[alerts]\nchannels = [\""+slack+"\", \""+slack+"\"]\n")
	require.Equal(t, []any{"slack", "slack #2"}, at(t, b.checked(t, exitClean), "settings", "alerts", "value"))
	a := b.ferry(t, "config", "check")
	require.Regexp(t, `alerts.channels +slack, slack #2 +`+file+":2:1", a.out)
	require.NotContains(t, a.out+a.err, "CANARY")
	require.NoError(t, os.Chmod(file, 0o644))
	a = b.ferry(t, "config", "check")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, "chmod 600")

	for _, text := range []string{
		"[alerts]\nchannels = [\"slack://CANARY\"]\n", "[alerts]\nchannels = 3\n",
		"[alerts]\nchannels = [\"https://CANARY/x\"]\n", "[alerts]\nchanels = [\"CANARY\"]\n",
	} {
		require.NoError(t, os.Remove(file))
		b.configure(t, text)
		a := b.ferry(t, "config", "check")
		require.Equal(t, exitUsage, a.code, text)
		require.Contains(t, a.err, file+":2:1")
		require.NotContains(t, a.err+a.out, "CANARY")
	}
	require.NoError(t, os.Remove(file))
	b.env["FERRY_ALERTS"] = "telegram://CANARY:CANARY@telegram"
	a = b.ferry(t, "status")
	require.Equal(t, exitUsage, a.code)
	require.NotContains(t, a.err, "CANARY")
}

func TestARejectedShareIsHeldAgainstTheFlagElseThePolicy(t *testing.T) {
	t.Parallel()
	f := &ferry{}
	e := engine.EntityView{
		Name: "loyalty_card", SourceRows: engine.Known[int64](10_000), Quarantined: engine.Known[int64](104), Accounted: engine.Known(true),
		RejectedLimit: engine.Known(0.02),
	}
	s := &engine.Snapshot{Entities: []engine.EntityView{e}}
	f.settings.RejectedShare, f.settings.said = 0.01, map[string]origin{"rejected-share": {from: fromDefault}}
	require.NoError(t, f.rejects(s), "2 % by policy")
	f.settings.said["rejected-share"] = origin{from: fromEnvironment}
	err := f.rejects(s)
	require.Equal(t, exitDiscrepancy, exitCode(err))
	require.ErrorContains(t, err, "1.04 % of loyalty_card were rejected; the limit is 1 %")
}

func TestStatusCheckJudgesProof(t *testing.T) {
	t.Parallel()
	b := synced(t)
	a := b.ferry(t, "status", "--check", tolerant)
	require.Equal(t, exitClean, a.code, a.err+": where nobody checks there is no verdict")
	f := &ferry{settings: settings{RejectedShare: 1, said: map[string]origin{}}}
	judged := func(p engine.ProofView) error {
		s := &engine.Snapshot{Setup: engine.SetupReady, Proof: p}
		s.Freshness.ReadFrom = s.TakenAt.Add(1)
		return f.judge(s)
	}
	long := engine.ProofView{}
	long.NewestAt = long.NewestAt.Add(1)
	require.NoError(t, judged(engine.ProofView{Verdict: engine.CouldNotCheck, Why: "never"}))
	for _, c := range []struct {
		verdict engine.Verdict
		settled int64
		code    int
		says    string
	}{
		{engine.Pass, 0, exitClean, ""},
		{engine.Fail, 3, exitDiscrepancy, "3 rows are not as Odoo has it"},
		{engine.CouldNotCheck, 1, exitDiscrepancy, "1 row is not as Odoo has it"},
		{engine.CouldNotCheck, 0, exitUnchecked, "repaired since"},
	} {
		p := long
		p.Verdict, p.Settled, p.Why = c.verdict, c.settled, "repaired since"
		err := judged(p)
		require.Equal(t, c.code, exitCode(err), "%+v", c)
		if c.says != "" {
			require.ErrorContains(t, err, c.says)
		}
	}
}

func TestEveryChannelsSettingHasItsNames(t *testing.T) {
	t.Parallel()
	x := config.Setting{Name: "alerts", Section: "alerts", In: "channels", Kind: config.Channels}
	require.Equal(t, []string{"--alerts", "FERRY_ALERTS", "alerts.channels"}, []string{x.Flag(), x.Variable(), x.Key()})
}
