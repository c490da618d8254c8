package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
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
// A viewer may listen to certain topics only (Config.Topics). He then hears of each by
// its first word: "portal" for "portal.<somebody's>", so that a page names nobody.
type Hub struct {
	clock     clock.Clock
	mu        sync.Mutex
	listeners map[*listener]bool
	all       map[*listener]bool            // those who may hear of anything
	by        map[string]map[*listener]bool // those who listen to certain topics
	closed    bool
	done      chan struct{}
}

type listener struct {
	only    []string // these topics alone; nil: whatever hears says
	hears   func(topic string) bool
	news    chan string
	pending map[string]bool
	gone    chan struct{}
}

// backlog is how many topics may wait for one browser.
const backlog = 64

// heartbeat is how often a quiet stream says that it is alive and the viewer's right
// to listen is checked again.
const heartbeat = 15 * time.Second

var topicName = regexp.MustCompile(`^[a-z0-9._-]{1,100}$`)

func newHub(c clock.Clock) *Hub {
	return &Hub{clock: c, listeners: map[*listener]bool{}, all: map[*listener]bool{}, by: map[string]map[*listener]bool{}, done: make(chan struct{})}
}

// Publish tells every page that follows topic (such as "watch.delivery") that it
// changed. It never waits. A topic is lower-case letters, digits, dots and dashes;
// anything else is not spread.
func (h *Hub) Publish(topic string) {
	if !topicName.MatchString(topic) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	word, _, _ := strings.Cut(topic, ".")
	for l := range h.by[topic] {
		h.tell(l, word)
	}
	for l := range h.all {
		if l.hears(topic) {
			h.tell(l, topic)
		}
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
	delete(h.all, l)
	for _, topic := range l.only {
		if delete(h.by[topic], l); len(h.by[topic]) == 0 {
			delete(h.by, topic)
		}
	}
	close(l.gone)
}

func (h *Hub) listen(only []string, hears func(string) bool) *listener {
	l := &listener{only: only, hears: hears, news: make(chan string, backlog), pending: map[string]bool{}, gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(l.gone)
		return l
	}
	h.listeners[l] = true
	if only == nil {
		h.all[l] = true
	}
	for _, topic := range only {
		if h.by[topic] == nil {
			h.by[topic] = map[*listener]bool{}
		}
		h.by[topic][l] = true
	}
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(l)
}

func (h *Hub) took(l *listener, topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(l.pending, topic)
}

// events is GET /events: the stream of one browser.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	v := ViewerOf(r.Context())
	var only []string
	if s.config.Topics != nil {
		var err error
		if only, err = s.config.Topics(r.Context(), v); err != nil {
			return err
		}
	}
	l := s.hub.listen(only, func(topic string) bool { return s.config.Hears == nil || s.config.Hears(v, topic) })
	defer s.hub.leave(l)
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
			s.hub.took(l, topic)
			if !out.send("event: news\ndata: %s\n\n", topic) {
				return nil
			}
		case <-tick.C:
			if !s.stillThere(r, v) || !out.send("event: beat\ndata: %d\n\n", s.config.Clock.Now().Unix()) {
				return nil
			}
		case <-l.gone:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// stillThere asks again who the viewer is: a stream ends with its session.
func (s *Site) stillThere(r *http.Request, v Viewer) bool {
	if s.config.Identify == nil {
		return true
	}
	now, err := s.config.Identify(r)
	return fault.CodeOf(err) == "" && now.ID == v.ID
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
