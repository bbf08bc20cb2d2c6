package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgservicefile"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Facts are what a connection string comes to, once service file, password file and environment have had their say. No
// secret is among them.
type Facts struct {
	Address  string // "odoo@10.0.4.7/prod"
	TLS      string // the sslmode in force, or OnThisMachine
	Insecure bool   // not verified, and that is allowed
	Password string // where the password comes from: "the password file /home/u/.pgpass"; "nowhere"
}

// OnThisMachine stands for the sslmode where nothing leaves the machine.
const OnThisMachine = "local"

// Check looks at a connection string before anything connects. It fails if the string cannot be read, if the password
// would come from a file that others may read, and if the server would not be verified (see CheckTLS) and that is not
// allowed.
func Check(dsn string, unverified bool) (Facts, error) {
	pool, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return Facts{}, err //nolint:wrapcheck // the caller says whose string it is
	}
	config := pool.ConnConfig
	password, err := checkSecrets(dsn, config)
	if err != nil {
		return Facts{}, err
	}
	if err := CheckTLS(config, unverified); err != nil {
		return Facts{}, err
	}
	facts := Facts{Address: Address(config), TLS: verified, Password: password}
	if found := Unverified(config); found != nil {
		facts.TLS, facts.Insecure = found.Mode, true
	} else if everywhereLocal(config) {
		facts.TLS = OnThisMachine
	}
	return facts, nil
}

func everywhereLocal(config *pgx.ConnConfig) bool {
	for _, host := range hosts(config) {
		if !Local(host.name) {
			return false
		}
	}
	return true
}

// checkSecrets finds where the password comes from, in the driver's order: connection string, service file,
// environment, password file. A file that gives it must be its owner's alone. The driver does not look; libpq ignores
// such a password file, and a login that fails for no visible reason is worse than a refusal.
func checkSecrets(dsn string, config *pgx.ConnConfig) (from string, err error) {
	given := Parameters(dsn)
	service, serviceFile := serviceOf(given)
	_, settled := given["password"] // although it may be empty
	_, settledByService := service["password"]
	switch {
	case config.Password == "":
		return "nowhere", nil
	case given["password"] != "":
		return "the connection string", nil
	case !settled && service["password"] != "":
		return "the service file " + serviceFile, private("service", serviceFile)
	case !settled && !settledByService && os.Getenv("PGPASSWORD") != "":
		return "the environment (PGPASSWORD)", nil
	}
	file, named := given["passfile"]
	if !named {
		file, named = service["passfile"]
	}
	if !named {
		file = fromEnvironment("PGPASSFILE", ".pgpass")
	}
	return "the password file " + file, private("password", file)
}

// serviceOf reads the service that a connection string or the environment names, and says from which file.
func serviceOf(given map[string]string) (settings map[string]string, file string) {
	name, ok := given["service"]
	if !ok {
		name = os.Getenv("PGSERVICE")
	}
	if name == "" {
		return nil, ""
	}
	file, ok = given["servicefile"]
	if !ok {
		file = fromEnvironment("PGSERVICEFILE", ".pg_service.conf")
	}
	services, err := pgservicefile.ReadServicefile(file)
	if err != nil {
		return nil, file // the driver has said so already
	}
	service, err := services.GetService(name)
	if err != nil {
		return nil, file
	}
	return service.Settings, file
}

// fromEnvironment is the file that a variable names, else the one in the home directory.
func fromEnvironment(variable, standard string) string {
	if file := os.Getenv(variable); file != "" {
		return file
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return standard
	}
	return filepath.Join(home, standard)
}

// CheckPassfile fails unless a password file that was named is there, readable, and its owner's alone. The driver says
// nothing about one that is missing: the server then refuses the login, and nobody knows why.
func CheckPassfile(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("the password file: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("the password file %s is a folder", file)
	}
	if !info.Mode().IsRegular() {
		return nil // opening a pipe would wait for who writes it, and take what is meant for the driver
	}
	opened, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("the password file: %w", err)
	}
	if err := opened.Close(); err != nil {
		return fmt.Errorf("the password file: %w", err)
	}
	return private("password", file)
}

// CheckSecrets fails if a config file that holds secrets is readable by others.
func CheckSecrets(file string) error { return private("config", file) }

// private fails if a file is readable by others. What is no plain file, such as /dev/null or a pipe, keeps nothing.
func private(what, file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the %s file: %w", what, err)
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return fmt.Errorf("the %s file %s is open to others (mode %#o): run `chmod 600 %s`", what, file, mode.Perm(), quoted(file))
	}
	return nil
}

// quoted is a file's name as a shell takes it.
func quoted(file string) string {
	if !strings.ContainsAny(file, " \t\n'\"\\$`&;|<>()*?[]#~!{}") {
		return file
	}
	return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
}
