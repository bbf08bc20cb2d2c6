package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// writerFunc is a stream's other end.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// asleep takes nothing until it is woken.
func asleep(into io.Writer) (w io.Writer, wake func()) {
	woken := make(chan struct{})
	return writerFunc(func(p []byte) (int, error) {
		<-woken
		return into.Write(p)
	}), func() { close(woken) }
}

func TestMessagesAreDroppedRatherThanWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		w, wake := asleep(&got)
		s := lossy(w, time.Second)
		text := []byte("first ")
		began := time.Now()
		n, err := s.Write(text)
		require.NoError(t, err)
		require.Equal(t, len(text), n)
		copy(text, "SECOND")
		_, err = s.Write(text)
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began), "each has its own patience")
		wake()
		synctest.Wait()
		_, err = s.Write([]byte("third"))
		require.NoError(t, err)
		require.Equal(t, "first third", got.String(), "what was under way is not lost, and not mixed up")
	})
}

func TestDataWaitsUntilInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		w, wake := asleep(&got)
		soft, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		s := patient(soft, w)
		written := make(chan error, 1)
		go func() {
			_, err := s.Write([]byte("data"))
			written <- err
		}()
		<-time.After(time.Hour)
		require.Empty(t, written)
		interrupt()
		began := time.Now()
		require.NoError(t, <-written)
		require.Equal(t, restoreLimit, time.Since(began), "a reader that is only slow gets its last chance")
		wake()
	})
}

// A drain may take longer than a reader is waited for; its result is told all the same, unless nobody has been reading.
func TestTheResultOfALongDrainIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		soft, interrupt := context.WithCancel(t.Context())
		s := patient(soft, &got)
		interrupt()
		<-time.After(time.Minute)
		_, err := s.Write([]byte("result"))
		require.NoError(t, err)
		require.Equal(t, "result", got.String())

		w, wake := asleep(&got)
		s = patient(soft, w)
		began := time.Now()
		for range 3 {
			_, err := s.Write([]byte("more"))
			require.NoError(t, err)
		}
		require.Equal(t, restoreLimit, time.Since(began), "it is waited for once")
		wake()
	})
}

func TestAReaderThatIsGoneIsNoErrorButAFullDiskIs(t *testing.T) {
	t.Parallel()
	soft := t.Context()
	for _, gone := range []error{syscall.EPIPE, syscall.EIO} {
		writes, told := 0, 0
		s := patient(soft, writerFunc(func([]byte) (int, error) { writes++; return 0, gone }))
		s.onGone = func() { told++ }
		for range 3 {
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
		}
		require.Equal(t, []int{1, 1}, []int{writes, told})
	}
	full := errors.New("no space")
	_, err := patient(soft, writerFunc(func([]byte) (int, error) { return 0, full })).Write([]byte("x"))
	require.ErrorIs(t, err, full)
}
