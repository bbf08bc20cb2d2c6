package digest

// Cells is a statement that gives the cells of a grid that hold a row with an id above 0, as low, in order: a cell of width ids has
// those above low. It jumps from cell to cell by the index on the ids, so it costs a look-up for each cell that holds a row, and
// nothing for those that do not. The rows are those of a table for which a condition holds.
func Cells(table, id, condition string, width int64) string {
	by := number(width)
	next := func(above string) string {
		return "(SELECT (" + id + "::bigint - 1) / " + by + " * " + by + " AS low FROM " + table +
			" WHERE " + id + " > " + above + " AND " + condition + " ORDER BY " + id + " LIMIT 1)"
	}
	return "WITH RECURSIVE cell (low) AS (" + next("0") + " UNION ALL SELECT n.low FROM cell, LATERAL " +
		next("least(cell.low, 9223372036854775807 - "+by+") + "+by) + " n) SELECT low FROM cell"
}
