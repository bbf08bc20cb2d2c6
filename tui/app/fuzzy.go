package app

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// How well a word fits what it is looked for in. A better way to fit outweighs all that a worse one can add up to.
const (
	fitBegins    = 1000 // the name begins with it
	fitWord      = 800  // a word of the name does
	fitInitials  = 700  // its letters are those that words of the name begin with, one behind the other
	fitWithin    = 600  // it stands somewhere in the name
	fitAbout     = 300  // it stands in what is said about it
	fitScattered = 100  // its letters are in the name, in this order …
	fitStart     = 20   // … and for each of them that begins a word
)

// barred is how much worse something fits that cannot be done now.
const barred = 60

// match is something that fits, how well, and which letters of its name fit.
type match struct {
	command

	score int
	marks map[int]bool // by the rune's place in the name
}

// ranked lists the commands that all words fit, the best first. Among equals, and where nothing is typed, what was done lately
// comes first.
func ranked(commands []command, typed string, recent []string) []match {
	words := strings.Fields(strings.ToLower(typed))
	var out []match
	for _, c := range commands {
		m := match{command: c, marks: map[int]bool{}}
		fits := true
		for _, word := range words {
			score, marks := fit(c, word)
			fits = fits && score > 0
			m.score += score
			if c.bar != "" {
				m.score -= barred
			}
			for _, at := range marks {
				m.marks[at] = true
			}
		}
		if fits {
			out = append(out, m)
		}
	}
	age := func(m match) int {
		if at := slices.Index(recent, m.name); at >= 0 {
			return at
		}
		return len(recent)
	}
	slices.SortStableFunc(out, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(age(a), age(b)))
	})
	return out
}

// fit says how well a word fits a command, 0 for not at all, and which runes of its name it takes.
func fit(c command, word string) (int, []int) {
	name, letters := []rune(strings.ToLower(c.name)), []rune(word)
	longer, at, marks := min(len(name), 50), wordAt(name, letters), initials(name, letters)
	switch {
	case at == 0:
		return fitBegins - longer, span(at, len(letters))
	case at > 0 && !wordRune(name[at-1]):
		return fitWord - longer, span(at, len(letters))
	case marks != nil:
		return fitInitials - longer, marks
	case at > 0:
		return fitWithin - longer, span(at, len(letters))
	}
	if strings.Contains(strings.ToLower(c.about), word) {
		return fitAbout, nil
	}
	marks = scattered(name, letters)
	if marks == nil {
		return 0, nil
	}
	score := fitScattered - (marks[len(marks)-1] - marks[0])
	for _, at := range marks {
		if at == 0 || !wordRune(name[at-1]) {
			score += fitStart
		}
	}
	return max(1, score), marks
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordAt is where a word begins in a name, at the beginning of one of its words if it does anywhere; -1: nowhere.
func wordAt(name, word []rune) int {
	found := -1
	for at := 0; at+len(word) <= len(name); at++ {
		if !slices.Equal(name[at:at+len(word)], word) {
			continue
		}
		if at == 0 || !wordRune(name[at-1]) {
			return at
		}
		if found < 0 {
			found = at
		}
	}
	return found
}

// initials are the places of letters that words begin with; nil: they are not all there.
func initials(name, letters []rune) []int {
	if len(letters) < 2 {
		return nil
	}
	var marks []int
	for at, r := range name {
		begins := at == 0 || !wordRune(name[at-1])
		if begins && len(marks) < len(letters) && r == letters[len(marks)] {
			marks = append(marks, at)
		}
	}
	if len(marks) < len(letters) {
		return nil
	}
	return marks
}

// scattered are the places of letters that stand in this order, as close together as the last of them allows; nil: they do not.
func scattered(name, letters []rune) []int {
	next := 0
	end := -1
	for at, r := range name {
		if next < len(letters) && r == letters[next] {
			next++
			end = at
		}
	}
	if next < len(letters) {
		return nil
	}
	marks := make([]int, len(letters))
	for at, left := end, len(letters)-1; left >= 0; at-- {
		if name[at] == letters[left] {
			marks[left] = at
			left--
		}
	}
	return marks
}

func span(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}
