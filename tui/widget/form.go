package widget

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
)

const (
	// Cursor stands before what is selected, so that it is seen without colours.
	Cursor = "› "
	// Resting stands where the cursor of a pane is while another pane has the keys.
	Resting = "·"

	noCursor  = "  "
	caret     = "_"
	maxAnswer = 200 // characters of an answer
	formWidth = 66
)

// Choice is one way out of a form.
type Choice struct {
	Name  string
	About string // one line beside the name; if any choice has one, they stand below each other
}

// Form asks for a decision, and perhaps for a line of text. The first choice has the focus: make it the harmless one.
type Form struct {
	Title   string
	Text    []string // paragraphs
	Ask     string   // label of the line of text; empty: none is asked for
	Answer  string
	Choices []Choice
	Hint    string // how to use it; may have several lines
	Note    string // why what was wanted is not possible; it goes with the next key
	focus   int
}

// Focus is the index of the choice that has the focus.
func (f *Form) Focus() int { return f.focus }

// Move puts the focus on a later choice, or an earlier one.
func (f *Form) Move(by int) {
	f.Note = ""
	if n := len(f.Choices); n > 0 {
		f.focus = ((f.focus+by)%n + n) % n
	}
}

// Type appends to the answer.
func (f *Form) Type(text string) {
	f.Note = ""
	if f.Ask == "" {
		return
	}
	text = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(text)
	answer := []rune(f.Answer + sanitize.Text(text))
	f.Answer = string(answer[:min(len(answer), maxAnswer)])
}

// Erase removes the last character of the answer.
func (f *Form) Erase() {
	if runes := []rune(f.Answer); len(runes) > 0 {
		f.Answer = string(runes[:len(runes)-1])
	}
}

// Clear empties the answer.
func (f *Form) Clear() { f.Answer = "" }

// Lines draws the form as a box that fits a screen of the given size: at length where there is room, else each choice on
// one line, and at last with no more of the text than fits.
func (f *Form) Lines(screen, height int) []canvas.Line {
	width := min(formWidth, screen-2)
	inner := width - 4
	if inner < 1 {
		return nil
	}
	rows := f.rows(inner, false, noLimit)
	if over := len(rows) + 2 - height; over > 0 {
		rows = f.rows(inner, true, noLimit)
		if over = len(rows) + 2 - height; over > 0 {
			rows = f.rows(inner, true, max(1, f.textLines(inner)-over))
		}
	}
	return Box(f.Title, rows, width)
}

const noLimit = 1 << 20

func (f *Form) textLines(width int) int {
	n := 0
	for _, paragraph := range f.Text {
		n += len(canvas.Wrap(themes.Text, paragraph, width))
	}
	return n
}

// rows are what stands in the box. Dense ones save the empty lines between paragraphs, and the rest of long choices.
func (f *Form) rows(width int, dense bool, most int) []canvas.Line {
	var rows []canvas.Line
	for i, paragraph := range f.Text {
		rows = append(rows, canvas.Wrap(themes.Text, paragraph, width)...)
		if !dense && i < len(f.Text)-1 {
			rows = append(rows, canvas.Line{})
		}
	}
	if len(rows) > most {
		rows = rows[:most]
		rows[most-1] = rows[most-1].Fit(width - 2)
		rows[most-1].Put(themes.Muted, " …")
	}
	if len(rows) > 0 {
		rows = append(rows, canvas.Line{})
	}
	if f.Ask != "" {
		rows = append(rows, f.field(width), canvas.Line{})
	}
	rows = append(rows, f.choices(width, dense)...)
	if f.Note != "" {
		rows = append(rows, canvas.Line{})
		return append(rows, canvas.Wrap(themes.Warn, f.Note, width)...)
	}
	if f.Hint != "" {
		rows = append(rows, canvas.Line{})
		for hint := range strings.SplitSeq(f.Hint, "\n") {
			rows = append(rows, canvas.Wrap(themes.Muted, hint, width)...)
		}
	}
	return rows
}

func (f *Form) field(width int) canvas.Line {
	l := canvas.Of(themes.Muted, f.Ask+"  ")
	room := width - l.Width() - len(caret)
	answer := f.Answer
	if over := ansi.StringWidth(answer) - room; over > 0 && room > 1 {
		answer = ansi.TruncateLeft(answer, over+1, "…")
	}
	l.Put(themes.Title, answer).Put(themes.Accent, caret)
	return l
}

func (f *Form) choices(width int, dense bool) []canvas.Line {
	column := 0
	for _, c := range f.Choices {
		if c.About != "" {
			column = max(column, ansi.StringWidth(c.Name))
		}
	}
	if column == 0 {
		return []canvas.Line{f.inARow()}
	}
	var rows []canvas.Line
	for i, c := range f.Choices {
		l := canvas.Of(themes.Text, noCursor+sanitize.Pad(c.Name, column)+"  ")
		if i == f.focus {
			l = canvas.Of(themes.Selection, Cursor+sanitize.Pad(c.Name, column)+"  ")
		}
		indent := l.Width()
		if dense {
			l.Put(themes.Muted, sanitize.Fit(c.About, width-indent))
			rows = append(rows, l)
			continue
		}
		for j, about := range canvas.Wrap(themes.Muted, c.About, max(1, width-indent)) {
			if j > 0 {
				rows = append(rows, l)
				l = canvas.Line{}
				l.To(indent)
			}
			l.Add(about)
		}
		rows = append(rows, l)
	}
	return rows
}

func (f *Form) inARow() canvas.Line {
	var l canvas.Line
	for i, c := range f.Choices {
		if i > 0 {
			l.Put(themes.Text, "   ")
		}
		if i == f.focus {
			l.Put(themes.Selection, Cursor+c.Name+" ")
		} else {
			l.Put(themes.Text, noCursor+c.Name+" ")
		}
	}
	return l
}

// Box draws a border with a title around rows.
func Box(title string, rows []canvas.Line, width int) []canvas.Line {
	if width < 4 {
		return nil
	}
	inner := width - 4
	top := canvas.Of(themes.Border, "╭─")
	if title != "" {
		top.Put(themes.Text, " ").Put(themes.Title, sanitize.Fit(title, inner-2)).Put(themes.Text, " ")
	}
	top.Put(themes.Border, strings.Repeat("─", max(0, width-1-top.Width()))+"╮")
	out := []canvas.Line{top.Fit(width)}
	for i := range rows {
		l := canvas.Of(themes.Border, "│ ")
		l.Add(rows[i].Fit(inner)).Put(themes.Border, " │")
		out = append(out, l)
	}
	return append(out, canvas.Of(themes.Border, "╰"+strings.Repeat("─", width-2)+"╯"))
}
