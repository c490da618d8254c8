package web

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// Hub spreads news to open pages: a topic changed, look again. News carry no content,
// so nothing can be told to somebody who may not see it; the page fetches what it
// shows as any other request. One browser holds one stream, whichever tab opened it.
//
// Every listener has a bounded list of pending topics. News on a topic that is
// already pending are one piece of news; a listener who has more topics pending than
// fit is dropped, reconnects, and looks at everything again.
//
// Even that something happened is told only to those whom it concerns: news go out on a
// channel, such as "watch" or "portal.org-12", and a viewer listens to those that
// Config.Channels names for him. When somebody's rights change (Renew), each listener is
// asked again who he is before he hears anything more.
type Hub struct {
	clock     clock.Clock
	mu        sync.Mutex
	listeners map[*listener]bool
	by        map[string]map[*listener]bool // those who listen to a channel
	closed    bool
	done      chan struct{}
}

type listener struct {
	channels []string
	news     chan string
	pending  map[string]bool
	doubtful bool // rights have changed since the listener was looked at
	gone     chan struct{}
}

// backlog is how many topics may wait for one browser.
const backlog = 64

// heartbeat is how often a quiet stream says that it is alive and the viewer's right
// to listen is checked again.
const heartbeat = 15 * time.Second

var topicName = regexp.MustCompile(`^[a-z0-9._-]{1,100}$`)

func newHub(c clock.Clock) *Hub {
	return &Hub{clock: c, listeners: map[*listener]bool{}, by: map[string]map[*listener]bool{}, done: make(chan struct{})}
}

// Publish tells those who listen to a channel that topics (such as "watch.delivery")
// changed. It never waits. A topic is lower-case letters, digits, dots and dashes;
// anything else is not spread.
func (h *Hub) Publish(channel string, topics ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, topic := range topics {
		if !topicName.MatchString(topic) {
			continue
		}
		for l := range h.by[channel] {
			h.tell(l, topic)
		}
	}
}

// Renew is called when somebody's rights have changed: whatever is published from now
// on reaches a listener only after another look at what he may hear.
func (h *Hub) Renew() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		l.doubtful = true
	}
}

// tell notes a topic for one listener. The hub is locked.
func (h *Hub) tell(l *listener, topic string) {
	if l.pending[topic] {
		return
	}
	select {
	case l.news <- topic:
		l.pending[topic] = true
	default:
		h.drop(l)
	}
}

// Listeners is how many browsers listen.
func (h *Hub) Listeners() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners)
}

// Close ends all streams, so that a server can shut down.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	for l := range h.listeners {
		h.drop(l)
	}
}

func (h *Hub) drop(l *listener) {
	if !h.listeners[l] {
		return
	}
	delete(h.listeners, l)
	for _, c := range l.channels {
		if delete(h.by[c], l); len(h.by[c]) == 0 {
			delete(h.by, c)
		}
	}
	close(l.gone)
}

func (h *Hub) listen(channels []string) *listener {
	l := &listener{channels: channels, news: make(chan string, backlog), pending: map[string]bool{}, gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(l.gone)
		return l
	}
	h.listeners[l] = true
	for _, c := range channels {
		if h.by[c] == nil {
			h.by[c] = map[*listener]bool{}
		}
		h.by[c][l] = true
	}
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(l)
}

// took notes that a topic is told now; sure is false when the listener has to be looked
// at first.
func (h *Hub) took(l *listener, topic string) (sure bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(l.pending, topic)
	sure, l.doubtful = !l.doubtful, false
	return sure
}

// events is GET /events: the stream of one browser.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	v := ViewerOf(r.Context())
	channels, err := s.channels(r.Context(), v)
	if err != nil {
		return err
	}
	l := s.hub.listen(channels)
	defer s.hub.leave(l)
	if !s.stillThere(r, v, channels) { // rights changed before the hub knew of this listener
		return fault.New(fault.Unauthenticated, "fault.unauthenticated", nil)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := eventWriter{w: w, control: http.NewResponseController(w)}
	if !out.send("retry: 3000\nevent: hello\ndata: %d\n\n", s.config.Clock.Now().Unix()) {
		return nil
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case topic := <-l.news:
			if !s.hub.took(l, topic) && !s.stillThere(r, v, channels) {
				return nil
			}
			if !out.send("event: news\ndata: %s\n\n", topic) {
				return nil
			}
		case <-tick.C:
			if !s.stillThere(r, v, channels) || !out.send("event: beat\ndata: %d\n\n", s.config.Clock.Now().Unix()) {
				return nil
			}
		case <-l.gone:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// channels are those that a viewer listens to.
func (s *Site) channels(ctx context.Context, v Viewer) ([]string, error) {
	if s.config.Channels == nil {
		return nil, nil
	}
	return s.config.Channels(ctx, v)
}

// stillThere asks again who the viewer is and what he may hear: a stream ends with its
// session, and when its channels are others now; the browser opens the right one.
func (s *Site) stillThere(r *http.Request, v Viewer, channels []string) bool {
	if s.config.Identify == nil {
		return true
	}
	now, err := s.config.Identify(r)
	if err != nil || now.ID != v.ID {
		return false
	}
	may, err := s.channels(r.Context(), now)
	return err == nil && slices.Equal(may, channels)
}

type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send writes and flushes; false means that the client is gone or does not read.
func (e eventWriter) send(format string, args ...any) bool {
	if _, err := fmt.Fprintf(e.w, format, args...); err != nil {
		return false
	}
	return e.control.Flush() == nil
}
