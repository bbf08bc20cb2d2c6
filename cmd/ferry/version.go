package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is set when a release is built.
var release = "0.1.0-dev"

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return release + "+" + s.Value[:12]
		}
	}
	return release
}

func (f *ferry) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which ferry this is",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if f.settings.JSON {
				return f.line(map[string]any{"v": 1, "type": "result", "version": version(), "go": runtime.Version()})
			}
			fmt.Fprintf(f.out, "ferry %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
