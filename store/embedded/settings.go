package embedded

import (
	"maps"
	"slices"
	"strconv"
)

// serverSettings are the parameters of a server that is small, quick and quiet, under those the caller wants.
func serverSettings(o Options) map[string]string {
	settings := map[string]string{
		"autovacuum":       "on",
		"jit":              "off", // compiling costs more than the short queries of a demo gain
		"lc_messages":      "C",   // boot reads the log
		"log_line_prefix":  "%m [%p] ",
		"log_min_messages": "warning",
		// A failed CREATE ROLE … PASSWORD would otherwise put the password in the log.
		"log_min_error_statement": "panic",
		"log_timezone":            "UTC",
		"logging_collector":       "off", // the log is the file that boot reads
		"max_connections":         "200",
		"max_wal_size":            "4GB",
		"shared_buffers":          "128MB",
		"timezone":                "UTC",
		// When a row became visible is what a demo and a test of freshness ask: see demo.MeasureFreshness.
		"track_commit_timestamp": "on",
	}
	if !o.Durable {
		settings["fsync"] = "off"
		settings["synchronous_commit"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, o.Settings)
	return settings
}

// arguments turns settings into the server's command line. Port and addresses are always this package's own: the
// connection strings and the isolation of the server rest on them.
func (r *room) arguments(settings map[string]string, port int) []string {
	settings = maps.Clone(settings)
	settings["port"] = strconv.Itoa(port)
	settings["listen_addresses"] = loopback
	settings["unix_socket_directories"] = ""
	if dir, ok := r.sockets(); ok {
		settings["unix_socket_directories"] = dir
	}
	args := []string{"-D", r.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
