package main

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"ferry/store/grants"
)

func (f *ferry) grantsCommand() *cobra.Command {
	only := ""
	r := grants.Roles{Source: "ferry_reader", Operator: "ferry_operator", Viewer: "ferry_viewer"}
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "Print the SQL for ferry's three roles, to be reviewed; it connects to nothing",
		Long: `Print the least SQL that makes ferry's three roles: one that reads the source, one that operates the engine, and one that opens
every screen and changes nothing. There is a part for each of the two databases, to be run there: --only prints one of them. It is plain
SQL that may be run again; a role that is there already stays as it is. It connects to nothing and prints no
password: ` + "`\\password ferry_operator`" + ` in psql sets one, or
pg_hba.conf lets the role in otherwise.

The operator adds to the journal and cannot change it. It does not own the engine's tables, so a first load fills them with their
keys, which takes longer; with --own-tables it owns them, and a first load builds keys behind the rows. Whoever runs ` + "`ferry init`" + `
owns the rest, and migrates.

Databases are named as --source and --target say; where these say nothing, it is the one in which the SQL is run.

Exit codes: 0 printed.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			r.SourceDatabase, r.EngineDatabase = databaseOf(f.settings.Source), databaseOf(f.settings.Target)
			return f.printGrants(r, only)
		},
	}
	cmd.Flags().StringVar(&r.Source, "source-role", r.Source, "the role that reads the source")
	cmd.Flags().StringVar(&r.Operator, "operator-role", r.Operator, "the role that operates the engine")
	cmd.Flags().StringVar(&r.Viewer, "viewer-role", r.Viewer, "the role that looks at the engine and changes nothing")
	cmd.Flags().BoolVar(&r.Owner, "own-tables", false, "let the operator own the engine's tables, for a quicker first load")
	cmd.Flags().StringVar(&only, "only", "", "only what is run on one database: source or engine")
	return cmd
}

// databaseOf is the database of a connection string; empty: it names none, or is none.
func databaseOf(dsn string) string {
	if dsn == "" {
		return ""
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ""
	}
	return config.Database
}

// grantLine is a statement in JSON.
type grantLine struct {
	V         int    `json:"v"`
	Type      string `json:"type"`
	Database  string `json:"database"` // source or engine
	Role      string `json:"role"`
	Statement string `json:"statement"`
	Why       string `json:"why,omitempty"`
}

func (f *ferry) printGrants(r grants.Roles, only string) error {
	if r.Source == "" || r.Operator == "" || r.Viewer == "" {
		return usage("a role needs a name")
	}
	if only != "" && only != grants.OnSource && only != grants.OnEngine {
		return usage("--only %q is none of source and engine", only)
	}
	rows, on := 0, ""
	for _, section := range grants.All(r) {
		if only != "" && section.On != only {
			continue
		}
		if !f.settings.JSON {
			if section.On != on {
				if on != "" {
					fmt.Fprintln(f.out)
				}
				on = section.On
				fmt.Fprint(f.out, grants.Header(on, r))
			}
			fmt.Fprint(f.out, "\n"+section.Text())
			continue
		}
		for _, st := range section.Statements {
			rows++
			if err := f.line(grantLine{1, "grant", section.On, section.Role, st.SQL, st.Why}); err != nil {
				return err
			}
		}
	}
	return f.listed(rows)
}
