package sanitize_test

import (
	"strings"
	"testing"

	"ferry/tui/sanitize"
)

// BenchmarkText makes texts fit to be seen: what is fit already costs a look, and nothing else.
func BenchmarkText(b *testing.B) {
	for name, text := range map[string]string{
		"code": "0446-4C6F-4EF8", "sentence": strings.Repeat("Straße 12, 字 ", 8), "hostile": "\x1b]52;c;AAAA\x07" + strings.Repeat("\u202eevil\x9b", 8),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				sanitize.Text(text)
			}
		})
	}
}

func BenchmarkFit(b *testing.B) {
	for name, text := range map[string]string{"code": "0446-4C6F-4EF8", "long": strings.Repeat("Straße 12, 字 ", 8)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sanitize.Fit(text, 40)
			}
		})
	}
}
