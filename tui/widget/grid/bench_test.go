package grid

import (
	"fmt"
	"testing"
)

// BenchmarkDraw draws a grid at the sizes of terminals: only what is in sight costs anything, however many rows there are.
func BenchmarkDraw(b *testing.B) {
	for _, rows := range []int{100, 10_000} {
		s := &store{}
		for i := range rows {
			s.add(item{id: i + 1, group: "loyalty_point_history", word: "points_invalid"})
		}
		for _, size := range [][2]int{{80, 24}, {140, 45}} {
			b.Run(fmt.Sprintf("%d rows/%d×%d", rows, size[0], size[1]), func(b *testing.B) {
				g := newBench(b.Context(), size[0], size[1], s.read)
				g.settle(b)
				b.ReportAllocs()
				for b.Loop() {
					if len(g.lines()) != size[1] {
						b.Fatal("the grid has another height than was asked for")
					}
				}
			})
		}
	}
}
