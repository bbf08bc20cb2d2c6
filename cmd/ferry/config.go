package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ferry/cmd/ferry/internal/config"
	"ferry/tui/keymap"
)

func (f *ferry) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the default config, or say what is in force and where it comes from",
		Long: `Every setting is a flag, an environment variable and a key of the config file, and counts in this order. The file is
--config, else $FERRY_CONFIG, else $XDG_CONFIG_HOME/ferry/config.toml; it may hold several profiles, chosen with --profile.
Themes of your own are files in $XDG_CONFIG_HOME/ferry/themes: the README says how to write one.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("say which: `%s default` or `%[1]s check`", cmd.CommandPath())
		},
		// These commands are for configs that are not right yet.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return f.settings.given(cmd.Root().PersistentFlags(), f.getenv)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "default",
		Short: "Print a config that says nothing and documents everything",
		Long: `Print a config with every setting, commented out, at its default.

    ferry config default > ~/.config/ferry/config.toml`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return f.configDefault() },
	}, &cobra.Command{
		Use:   "check",
		Short: "Read the config, and say what is in force and where each value comes from",
		Long: `Read the config file, the environment and the flags; say what is in force and where it comes from, without secrets; and
look at the connection strings without connecting: where the password comes from, and whether the server will be verified.
If the file names rules or policies, they are compared with those of the engine database, which are in force.

Exit code 0 if nothing is wrong, else 2.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.configCheck(cmd) },
	})
	return cmd
}

// complete settles the settings before a command runs. A command that only speaks of the program itself runs with a
// broken config file too.
func (f *ferry) complete(cmd *cobra.Command) error {
	flags := cmd.Root().PersistentFlags()
	if err := f.settings.given(flags, f.getenv); err != nil {
		return err
	}
	err := f.settings.fill(flags, f.getenv)
	topic := cmd
	for topic.HasParent() && topic.Parent().HasParent() {
		topic = topic.Parent()
	}
	if slices.Contains([]string{"version", "completion", "help"}, topic.Name()) {
		return nil
	}
	return err
}

func (f *ferry) configDefault() error {
	var keys []config.Key
	for _, b := range keymap.Default().Bindings() {
		keys = append(keys, config.Key{Action: string(b.Action), Keys: b.Keys, Does: b.Long})
	}
	var text strings.Builder
	if err := config.WriteDefault(&text, described(), keys); err != nil {
		return fmt.Errorf("writing the default config: %w", err)
	}
	if f.settings.JSON {
		return f.line(map[string]any{"v": 1, "type": "result", "toml": text.String()})
	}
	fmt.Fprint(f.out, text.String())
	return nil
}

// configCheck says what is in force, and fails if anything of it will not do.
func (f *ferry) configCheck(cmd *cobra.Command) error {
	if err := f.settings.fill(cmd.Root().PersistentFlags(), f.getenv); err != nil {
		if f.settings.JSON {
			if err := f.line(configReport{V: 1, Type: "result", Faults: faultsOf(err)}); err != nil {
				return err
			}
		}
		return err
	}
	r := f.effective(cmd.Context())
	if f.settings.JSON {
		if err := f.line(r); err != nil {
			return err
		}
	} else {
		f.writeConfig(r)
	}
	if r.OK {
		return nil
	}
	lines := make([]error, len(r.Faults))
	for i, fault := range r.Faults {
		lines[i] = errors.New(fault.String())
	}
	return exitWith(exitUsage, errors.Join(lines...))
}
