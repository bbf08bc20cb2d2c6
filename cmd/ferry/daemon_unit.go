package main

import (
	_ "embed"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// afterDrain is what an unattended process takes beyond its drain limit: batches that are aborted, signing off, hanging up.
const afterDrain = 15 * time.Second

//go:embed ferry.service
var unitText string

// unitWord is a word of a unit's command line, as it is.
func unitWord(text string) string {
	return strconv.Quote(strings.NewReplacer("%", "%%", "$", "$$").Replace(text))
}

// printUnit prints a systemd unit that runs this program with the limits in force.
func (f *ferry) printUnit(as calling) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("looking where this program is: %w", err)
	}
	unit, err := template.New("unit").Parse(unitText)
	if err != nil {
		return fmt.Errorf("reading the unit: %w", err)
	}
	err = unit.Execute(f.out, map[string]any{
		"Program": unitWord(program), "Command": as.verb, "StopSeconds": int((f.settings.DrainLimit + afterDrain).Seconds()),
		"DrainLimit": f.settings.DrainLimit.String(), "Usage": exitUsage, "Refused": exitRefused,
	})
	if err != nil {
		return fmt.Errorf("printing the unit: %w", err)
	}
	return nil
}
