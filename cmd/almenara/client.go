package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/fault"
)

// reach is how a command finds the server.
type reach struct {
	Data   string `type:"path" env:"ALMENARA_DATA" placeholder:"DIR" help:"Folder of the installation; its server is asked over the local socket."`
	Server string `env:"ALMENARA_SERVER" placeholder:"URL" help:"Address of a server elsewhere; wants --token."`
	Token  string `type:"path" env:"ALMENARA_TOKEN_FILE" placeholder:"FILE" help:"File with an API token."`
}

// client speaks the HTTP API.
type client struct {
	console *console
	http    *http.Client
	base    string
	token   string
	where   string // for messages
}

func (r *reach) client(c *console) (*client, error) {
	switch {
	case r.Server != "":
		return r.remote(c)
	case r.Data == "":
		return nil, &failure{exitMisuse, errors.New("no server is named"), "--data DIR for one on this machine, --server URL --token FILE for another"}
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return app.DialLocal(ctx, r.Data) }
	return &client{
		console: c, base: "http://local", where: "no server answers for " + r.Data,
		http: &http.Client{Transport: &http.Transport{DialContext: dial}, CheckRedirect: noRedirect},
	}, nil
}

func (r *reach) remote(c *console) (*client, error) {
	u, err := url.Parse(r.Server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, &failure{exitMisuse, fmt.Errorf("--server %s is not an address", r.Server), "an address looks like https://csirt.example"}
	}
	if r.Token == "" {
		return nil, &failure{exitMisuse, errors.New("--server wants a token"), "--token FILE; tokens are made on the page /me or by: almenara guard token"}
	}
	b, err := os.ReadFile(r.Token)
	if err != nil {
		return nil, &failure{exitMisuse, fmt.Errorf("read the token: %w", err), "--token names a file that holds one token"}
	}
	return &client{
		console: c, base: strings.TrimSuffix(r.Server, "/"), token: strings.TrimSpace(string(b)),
		where: "no server answers at " + r.Server, http: &http.Client{CheckRedirect: noRedirect},
	}, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// request is one call of the API.
type request struct {
	method  string
	path    string
	query   url.Values
	body    io.Reader
	size    int64 // of the body, 0 when not known
	media   string
	version string // If-Match
}

// do calls; an answer that is an error comes back as a failure.
func (c *client) do(r request) (*http.Response, error) {
	resp, err := c.answer(r)
	if err != nil || resp.StatusCode < 300 {
		return resp, err
	}
	return nil, errors.Join(problemOf(resp), resp.Body.Close())
}

// answer calls and returns what the server says, also when that is a refusal.
func (c *client) answer(r request) (*http.Response, error) {
	u := c.base + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(c.console.ctx, r.method, u, r.body)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if r.size > 0 {
		req.ContentLength = r.size
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Language", "en")
	if r.media != "" {
		req.Header.Set("Content-Type", r.media)
	}
	if r.version != "" {
		req.Header.Set("If-Match", r.version)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	return resp, nil
}

// unreachable tells a server that is not there from one that broke off.
func (c *client) unreachable(err error) error {
	if c.console.ctx.Err() != nil {
		return c.console.ctx.Err()
	}
	var dial *net.OpError
	refused := errors.As(err, &dial) && dial.Op == "dial" || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
	if refused {
		return &failure{exitNoServer, errors.New(c.where), "start it with: almenara serve --data DIR"}
	}
	return &failure{exitFailed, fmt.Errorf("the server broke off: %w", err), "look at the server's log; what was begun goes on or starts again by itself"}
}

// problem is RFC 9457 as the server writes it.
type problem struct {
	Title    string `json:"title"`
	Detail   string `json:"detail"`
	Code     string `json:"code"`
	Instance string `json:"instance"`
	Errors   []struct {
		Field  string `json:"field"`
		Detail string `json:"detail"`
	} `json:"errors"`
}

// problemOf reads a refusal.
func problemOf(resp *http.Response) error {
	var p problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Detail == "" {
		return &failure{exitFailed, fmt.Errorf("the server answers %s", resp.Status), "is this the address of an almenara server of this version?"}
	}
	text := p.Detail
	for _, e := range p.Errors {
		if e.Detail != p.Detail {
			text += " " + e.Field + ": " + e.Detail
		}
	}
	return &failure{exitOf(fault.Code(p.Code)), errors.New(text), hintOf(fault.Code(p.Code), p.Instance)}
}

// hintOf says what to do about a refusal; the sentence of a refusal itself says
// what would do.
func hintOf(code fault.Code, instance string) string {
	switch code {
	case fault.Unauthenticated:
		return "the token does not work any more, or is not this server's"
	case fault.Denied:
		return "if it is the role, or the token's scope, that is missing: ask an administrator for it"
	case fault.Conflict:
		return "look at the new state and try again"
	case fault.Unavailable:
		return "try again in a moment"
	case fault.Internal, "":
		return "the server's log says more under " + instance
	}
	return ""
}

// get reads one JSON answer.
func (c *client) get(path string, query url.Values, into any) error {
	return c.call(request{method: http.MethodGet, path: path, query: query}, into)
}

// post sends a JSON body and reads a JSON answer.
func (c *client) post(path string, body, into any) error {
	return c.send(request{method: http.MethodPost, path: path}, body, into)
}

func (c *client) send(r request, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r.body, r.media = strings.NewReader(string(b)), "application/json"
	return c.call(r, into)
}

func (c *client) call(r request, into any) (err error) {
	resp, err := c.do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return c.unreachable(fmt.Errorf("read the answer: %w", err))
	}
	return nil
}

// lines reads a stream of JSON lines; f returns errEnough to end early.
func (c *client) lines(path string, query url.Values, f func(line []byte) error) (err error) {
	resp, err := c.do(request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	in := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return c.unreachable(fmt.Errorf("the list is not complete: %w", err))
		}
		if err := f(line); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

var errEnough = errors.New("enough")

// listing writes things one per line: JSON objects, or columns for people.
type listing struct {
	json  bool
	head  string // columns for people, until they are written
	out   *bufio.Writer
	table *tabwriter.Writer
}

// list begins a listing; head are the columns for people.
func (c *console) list(asJSON bool, head ...string) *listing {
	out := bufio.NewWriterSize(c.out, 64<<10)
	l := &listing{json: asJSON, out: out, table: tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)}
	if !asJSON {
		l.head = strings.Join(head, "\t")
	}
	return l
}

// begin writes the columns' names, once.
func (l *listing) begin() {
	if l.head != "" {
		_, _ = fmt.Fprintln(l.table, l.head) // Flush tells
		l.head = ""
	}
}

// add writes one thing.
func (l *listing) add(v any, cells ...any) error {
	if l.json {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = l.out.Write(append(b, '\n'))
		return err
	}
	l.begin()
	for i, cell := range cells {
		if i > 0 {
			_, _ = fmt.Fprint(l.table, "\t") // Flush tells
		}
		_, _ = fmt.Fprint(l.table, printable(fmt.Sprint(cell)))
	}
	_, err := fmt.Fprintln(l.table)
	return err
}

// end writes what is left.
func (l *listing) end() error {
	l.begin()
	return l.flush()
}

// flush writes what there is, also when more was to come.
func (l *listing) flush() error { return errors.Join(l.table.Flush(), l.out.Flush()) }

// printable keeps what came from outside from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '·'
		}
		return r
	}, s)
}
