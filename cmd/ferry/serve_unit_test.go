package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/stretchr/testify/require"
)

// The unit says what the program does, is hardened, and is one that systemd reads.
func TestTheUnitIsHardenedAndTellsTheLimits(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "worker"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			b := &bench{env: map[string]string{"HOME": t.TempDir()}}
			a := b.ferry(t, command, "--print-unit", "--drain-limit", "90s")
			require.Equal(t, exitClean, a.code, a.err)
			options, err := unit.DeserializeOptions(strings.NewReader(a.out))
			require.NoError(t, err)
			has := map[string][]string{}
			for _, o := range options {
				has[o.Section+"."+o.Name] = append(has[o.Section+"."+o.Name], o.Value)
			}
			self, err := os.Executable()
			require.NoError(t, err)
			require.Equal(t, []string{`"` + self + `" ` + command + " --json"}, has["Service.ExecStart"])
			for name, want := range map[string]string{
				"Type": "notify", "KillSignal": "SIGTERM", "TimeoutStopSec": "105", "Restart": "on-failure", "RestartPreventExitStatus": "2 4",
				"DynamicUser": "yes", "CapabilityBoundingSet": "", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
				"PrivateTmp":     "yes",
				"PrivateDevices": "yes", "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes", "ProtectControlGroups": "yes",
				"RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes", "MemoryDenyWriteExecute": "yes", "LockPersonality": "yes",
				"RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6", "SystemCallArchitectures": "native",
			} {
				require.Equal(t, []string{want}, has["Service."+name], name)
			}
			require.Contains(t, has["Service.Environment"], "FERRY_DRAIN_LIMIT=1m30s")
			require.Contains(t, has["Service.SystemCallFilter"], "@system-service")
			require.NotEmpty(t, has["Service.WatchdogSec"])
			require.Equal(t, []string{"multi-user.target"}, has["Install.WantedBy"])

			analyze, err := exec.LookPath("systemd-analyze")
			if err != nil {
				t.Log("systemd-analyze is not here: only read by its library")
				return
			}
			file := filepath.Join(t.TempDir(), "ferry-"+command+".service")
			require.NoError(t, os.WriteFile(file, []byte(a.out), 0o600))
			said, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput()
			require.NoError(t, err, string(said))
		})
	}
}

func TestUnattendedCommandsRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	b := &bench{env: map[string]string{
		"HOME": t.TempDir(), "FERRY_SOURCE": "postgres://odoo@127.0.0.1:1/prod", "FERRY_TARGET": "postgres://engine@127.0.0.1:1/engine",
	}}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"worker", "--read-only"}, exitRefused, "a worker writes"},
		{[]string{"worker", "--workers", "0"}, exitUsage, "at least one"},
		{[]string{"serve", "--listen", "nowhere"}, exitUsage, "say host:port"},
		{[]string{"serve", "--listen", "127.0.0.1:99999"}, exitUsage, "say host:port"},
		{[]string{"serve", "--drain-limit", "0s"}, exitUsage, "from 1s to 1h0m0s"},
		{[]string{"serve", "--listen", "192.0.2.1:9187"}, exitError, "choose another with --listen"},
		{[]string{"serve", "again"}, exitUsage, "unknown command"},
	} {
		a := b.ferry(t, c.args...)
		require.Equal(t, c.code, a.code, "%v: %s", c.args, a.err)
		require.Contains(t, a.err, c.says)
		require.Equal(t, 1, strings.Count(a.err, "\n"), "one line: %q", a.err)
	}
}
