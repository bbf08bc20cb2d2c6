package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aymanbagabas/go-osc52/v2"
)

// clipboardLimit is how many bytes terminals take in one piece: xterm's 100,000, before they are encoded.
const clipboardLimit = 74_994

// clipboard hands text to the clipboard of the terminal that the operator sits at, be it behind SSH, tmux or screen, and says
// where it is now. The terminal does not say whether it took it; where that is unlikely, the text goes into a file.
func clipboard(screen io.Writer, getenv func(string) string, keep func(name, text string) (string, error)) func(text string) (string, error) {
	return func(text string) (string, error) {
		if why := noClipboard(len(text), getenv); why != "" {
			file, err := keep("copied-"+time.Now().UTC().Format("20060102-150405")+".txt", text)
			if err != nil {
				return "", fmt.Errorf("%s; %w", why, err)
			}
			return "written to " + file + ": " + why, nil
		}
		sequence := osc52.New(text)
		switch {
		case getenv("TMUX") != "":
			sequence = sequence.Tmux()
		case strings.HasPrefix(getenv("TERM"), "screen") || getenv("STY") != "":
			sequence = sequence.Screen()
		}
		if _, err := sequence.WriteTo(screen); err != nil {
			return "", fmt.Errorf("writing to the terminal: %w", err)
		}
		return "copied, if this terminal lets programs do that (OSC 52)", nil
	}
}

// noClipboard says why the terminal would hardly take so many bytes; empty: it may.
func noClipboard(size int, getenv func(string) string) string {
	term := getenv("TERM")
	switch {
	case size > clipboardLimit:
		return fmt.Sprintf("%d bytes are more than the %d that terminals take", size, clipboardLimit)
	case term == "" || term == "dumb" || term == "linux" || strings.HasPrefix(term, "vt"):
		return fmt.Sprintf("a terminal of kind %q has no clipboard", term)
	}
	return ""
}

// keep writes a file of the console's own into ferry's folder, for its owner alone, and says where it is. One of that name stays.
func (f *ferry) keep(name, text string) (string, error) {
	dir, err := f.stateDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a place for the file: %w", err)
	}
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	for n := 2; errors.Is(err, os.ErrExist) && n < 100; n++ {
		ext := filepath.Ext(name)
		path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext))
		file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("making the file: %w", err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("writing the file: %w", errors.Join(err, os.Remove(path)))
	}
	return path, nil
}
