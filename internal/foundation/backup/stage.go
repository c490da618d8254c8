package backup

import "io"

// stage passes bytes on to a slower writer from a goroutine of its own, so that
// reading, sealing and writing go on at the same time. Its memory is a few buffers.
type stage struct {
	to    io.Writer
	now   []byte
	full  chan []byte
	empty chan []byte
	done  chan struct{}
	err   error // of the writer; read after done, or when the writer has failed
	bad   chan struct{}
	ended bool
}

const (
	stageSize = 1 << 20
	stages    = 4
)

func newStage(to io.Writer) *stage {
	s := &stage{
		to: to, full: make(chan []byte, stages), empty: make(chan []byte, stages), done: make(chan struct{}), bad: make(chan struct{}),
	}
	for range stages {
		s.empty <- make([]byte, 0, stageSize)
	}
	s.now = <-s.empty
	go s.run()
	return s
}

// run writes until the channel closes; after an error it only drains it.
func (s *stage) run() {
	defer close(s.done)
	for b := range s.full {
		if s.err == nil {
			if _, err := s.to.Write(b); err != nil {
				s.err = err
				close(s.bad)
			}
		}
		s.empty <- b[:0]
	}
}

// room is where the next bytes may lie before they are written; it is never empty.
// Write takes what lies at its beginning without copying it.
func (s *stage) room() []byte { return s.now[len(s.now):cap(s.now)] }

// Write takes bytes; an error of an earlier one comes with a later one.
func (s *stage) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		room := s.room()
		n := min(len(rest), len(room))
		if &room[0] != &rest[0] {
			copy(room, rest[:n])
		}
		s.now = s.now[:len(s.now)+n]
		rest = rest[n:]
		if len(s.now) == cap(s.now) {
			s.full <- s.now
			s.now = <-s.empty
		}
		select {
		case <-s.bad:
			return 0, s.err
		default:
		}
	}
	return len(b), nil
}

// Close passes on what is left and waits until it is written.
func (s *stage) Close() error {
	if !s.ended && len(s.now) > 0 {
		s.full <- s.now
		s.now = nil
	}
	s.stop()
	return s.err
}

// stop ends the goroutine; what waits is still written.
func (s *stage) stop() {
	if !s.ended {
		s.ended = true
		close(s.full)
	}
	<-s.done
}
