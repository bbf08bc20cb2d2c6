// Command ferry carries a loyalty domain out of a production Odoo into an engine database, keeps it there and proves it
// right. With no subcommand it opens the console.
//
// This package only wires: flags and environment to settings, settings to stores, stores to the operator, the operator
// to a console or to lines; and errors to exit codes. One file per subcommand.
package main

import (
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Getenv))
}
