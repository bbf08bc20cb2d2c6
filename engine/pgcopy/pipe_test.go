package pgcopy_test

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
)

// send puts n tuples of an id and a text of the given size into a pipe.
func send(p *pgcopy.Pipe, n, size int, why error) error {
	text := make([]byte, size)
	for id := range n {
		t, err := p.Tuples()
		if err != nil {
			p.Close(err)
			return err
		}
		t.Append(int64(id), 2, func(dst []byte) []byte { return pgcopy.AppendField(pgcopy.AppendInt8(dst, int64(id)), text) })
	}
	p.Close(why)
	return nil
}

// What goes in comes out, however the reader cuts it.
func TestPipeCarriesEveryTuple(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, size := rapid.IntRange(0, 3000).Draw(t, "tuples"), rapid.SampledFrom([]int{0, 10, 100, 5000}).Draw(t, "bytes")
		readers := []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.HalfReader,
			func(r io.Reader) io.Reader { return io.LimitReader(r, 1<<40) },
		}
		p := pgcopy.NewPipe()
		sent := make(chan error, 1)
		go func() { sent <- send(p, n, size, nil) }()
		next := int64(0)
		split := pgcopy.NewSplitter(func(fields [][]byte) error {
			require.Equal(t, next, int64(binary.BigEndian.Uint64(fields[0])))
			require.Len(t, fields[1], size)
			next++
			return nil
		})
		_, err := io.CopyBuffer(split, rapid.SampledFrom(readers).Draw(t, "reader")(onlyReader{p}), make([]byte, rapid.IntRange(1, 100_000).Draw(t, "buffer")))
		require.NoError(t, err)
		require.NoError(t, split.Close())
		require.EqualValues(t, n, next)
		require.NoError(t, <-sent)
	})
}

// onlyReader keeps io.Copy from looking for more than Read.
type onlyReader struct{ io.Reader }

// A reader learns why the maker ended, however much was on its way.
func TestPipeTellsTheReaderWhy(t *testing.T) {
	t.Parallel()
	why := errors.New("the source is gone")
	for _, n := range []int{0, 1, 100_000} {
		p := pgcopy.NewPipe()
		go func() { _ = send(p, n, 100, why) }()
		_, err := io.Copy(io.Discard, onlyReader{p})
		require.ErrorIs(t, err, why, "%d tuples", n)
	}
}

// A maker does not wait for a reader that is gone.
func TestPipeTellsTheMakerThatNobodyReads(t *testing.T) {
	t.Parallel()
	for _, read := range []int{0, 1, 200_000} {
		p := pgcopy.NewPipe()
		sent := make(chan error, 1)
		go func() { sent <- send(p, 1_000_000, 100, nil) }()
		_, err := io.CopyN(io.Discard, onlyReader{p}, int64(read))
		require.NoError(t, err)
		p.Stop()
		p.Stop()
		require.ErrorIs(t, <-sent, pgcopy.ErrStopped)
	}
}

// Memory is recycled: a long stream takes no more than a short one.
func BenchmarkPipe(b *testing.B) {
	p := pgcopy.NewPipe()
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, onlyReader{p})
		done <- err
	}()
	b.ReportAllocs()
	for b.Loop() {
		t, err := p.Tuples()
		if err != nil {
			b.Fatal(err)
		}
		t.Append(1, 2, func(dst []byte) []byte { return pgcopy.AppendText(pgcopy.AppendInt8(dst, 1), "an origin") })
	}
	p.Close(nil)
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
