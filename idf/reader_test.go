package idf_test

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/idf"
)

func TestLinesAreReadOneByOneAndABadOneNamesItsLineAndKey(t *testing.T) {
	r := idf.NewReader(strings.NewReader("\xef\xbb\xbf" + `{"__type":"Event","source.ip":"192.0.2.1"}` + "\r\n\n" +
		`{"source.ip":"192.0.2.300"}` + "\n" +
		`{"extra":{"x":1},"extra.x":2}` + "\n" +
		`{"x":1,"extra.x":2}` + "\n" +
		`{"source":{"ip":"192.0.2.1"},"source":{"port":80}}` + "\n" +
		`{"__type":"Report","raw":"aGVsbG8="}` + "\n" +
		`{"extra.a":"` + strings.Repeat("a", idf.MaxJSON) + "\"}\n" +
		`{"source.ip":"192.0.2.2","extra":{"http":{"code":200}},"new.key":true}`))
	var got []string
	for {
		var e idf.Event
		err := r.Next(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *idf.DecodeError
		switch {
		case errors.As(err, &bad):
			got = append(got, strconv.Itoa(bad.Line)+" "+bad.Field)
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(e.AppendCanonicalJSON(nil)))
		}
	}
	want := []string{
		`{"source.ip":"192.0.2.1"}`, "3 source.ip", "4 extra.x", "5 extra.x", "6 source", "7 __type", "8 ",
		`{"extra.http.code":200,"extra.new.key":true,"source.ip":"192.0.2.2"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnObjectOverSeveralLinesNamesTheLineAtFault(t *testing.T) {
	var e idf.Event
	err := idf.DecodeJSON([]byte("{\n \"source.ip\": \"192.0.2.1\",\n \"source.port\": 70000\n}"), &e)
	var bad *idf.DecodeError
	if !errors.As(err, &bad) || bad.Line != 3 || bad.Field != "source.port" || bad.Example == "" {
		t.Errorf("got %+v, want line 3, source.port and an example", err)
	}
}

func TestAnInputThatBreaksIsAnErrorOfItsOwn(t *testing.T) {
	r := idf.NewReader(io.MultiReader(strings.NewReader("{}\n"), broken{}))
	var e idf.Event
	if err := r.Next(&e); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Next(&e); !errors.Is(err, errBroken) {
			t.Errorf("got %v, want the input's own error", err)
		}
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// someEvent draws an event with values of many fields.
func someEvent(t *rapid.T) *idf.Event {
	e := &idf.Event{}
	for _, f := range rapid.SliceOfDistinct(rapid.SampledFrom(idf.Fields()), rapid.ID).Draw(t, "fields") {
		text := f.Example()
		switch f.Type() {
		case idf.TypeText, idf.TypeLower:
			text = rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }).Draw(t, "text")
		case idf.TypePort:
			text = strconv.Itoa(rapid.IntRange(0, 65535).Draw(t, "port"))
		case idf.TypeInt, idf.TypeASN:
			text = strconv.Itoa(rapid.IntRange(1, 1<<31-1).Draw(t, "number"))
		}
		e.Set(f, []byte(text)) // what is refused is not in it
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z_]{1,8}`), 0, 5, rapid.ID).Draw(t, "extra") {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			e.SetExtra(name, idf.KindText, []byte(rapid.StringMatching(`[ -~é]{1,20}`).Draw(t, "value")))
		case 1:
			e.SetExtraInt(name, []byte(strconv.Itoa(rapid.IntRange(-9, 1<<40).Draw(t, "int"))))
		case 2:
			e.SetExtra(name, idf.KindBool, []byte("true"))
		default:
			e.SetExtra(name, idf.KindJSON, []byte(`["a",{"b":1}]`))
		}
	}
	return e
}

func TestCanonicalJSONReadsBackToTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := someEvent(t)
		first := e.AppendCanonicalJSON(nil)
		for _, in := range [][]byte{first, e.AppendJSON(nil)} {
			var back idf.Event
			if err := idf.DecodeJSON(in, &back); err != nil {
				t.Fatalf("%s: %v", in, err)
			}
			if second := back.AppendCanonicalJSON(nil); !bytes.Equal(first, second) {
				t.Fatalf("got  %s\nwant %s", second, first)
			}
		}
	})
}

func TestOfAKeySetTwiceTheLaterValueIsWritten(t *testing.T) {
	var e idf.Event
	e.Set(idf.Comment, []byte("one"))
	e.Set(idf.Comment, []byte("two"))
	if got, want := string(e.AppendCanonicalJSON(nil)), `{"comment":"two"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCSVHasFixedColumnsAndNothingToCompute(t *testing.T) {
	var out strings.Builder
	w, err := idf.NewCSVWriter(&out, "source.ip", "source.geolocation.latitude", "comment", "extra.tag")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"=1+1", "+1", "-1", "@x", "\tx", "a,b", ""} {
		var e idf.Event
		e.Set(idf.SourceIP, []byte("192.0.2.1"))
		e.Set(idf.SourceGeolocationLatitude, []byte("-3.5"))
		e.Set(idf.Comment, []byte(s))
		e.SetExtra("tag", idf.KindText, []byte(s))
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "source.ip,source.geolocation.latitude,comment,extra.tag\r\n" +
		"192.0.2.1,-3.5,'=1+1,'=1+1\r\n192.0.2.1,-3.5,'+1,'+1\r\n192.0.2.1,-3.5,'-1,'-1\r\n192.0.2.1,-3.5,'@x,'@x\r\n" +
		"192.0.2.1,-3.5,'\tx,'\tx\r\n192.0.2.1,-3.5,\"a,b\",\"a,b\"\r\n192.0.2.1,-3.5,,\r\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, bad := range []string{"source.ip4", "extra.", "extra", ""} {
		if _, err := idf.NewCSVWriter(&out, bad); err == nil {
			t.Errorf("column %q is taken", bad)
		}
	}
	if _, err := idf.NewCSVWriter(&out, "source.ip", "source.ip"); err == nil {
		t.Error("a column twice is taken")
	}
	if _, err := idf.NewCSVWriter(&out); err != nil {
		t.Errorf("the usual columns: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"source.ip\":\"192.0.2.1\"}\n{\"extra\":{\"a\":{}},\"b\":[1]}\n\n{"))
	f.Add([]byte(`{"__type":"Event","x":null,"extra.x":"y"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := idf.NewReader(bytes.NewReader(data))
		for range bytes.Count(data, []byte{'\n'}) + 2 {
			var e, back idf.Event
			err := r.Next(&e)
			var bad *idf.DecodeError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &bad):
				if bad.Line < 1 || bad.Problem == "" {
					t.Fatalf("%+v says nothing", bad)
				}
			case err != nil:
				t.Fatal(err)
			default:
				first := e.AppendCanonicalJSON(nil)
				if err := idf.DecodeJSON(first, &back); err != nil {
					t.Fatalf("%s: %v", first, err)
				}
				if second := back.AppendCanonicalJSON(nil); !bytes.Equal(first, second) {
					t.Fatalf("got %s, want %s", second, first)
				}
			}
		}
		t.Fatal("the reader does not end")
	})
}
