package streams

import (
	"strings"
	"testing"
)

const (
	aRoom   = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	aClient = "01234567-89ab-4def-8123-456789abcdef"
)

// use takes everything out of a body; it must not panic once the body is valid.
func use(t *testing.T, b Body) {
	if n := len(b.From()) + len(b.RequestID()) + len(b.Data()) + 1 + digits; n != len(b) || b.Kind() != b[0] {
		t.Errorf("the parts of %q make %d bytes", b, n)
	}
	again := AppendBody(nil, b.Kind(), []byte(b.From()), []byte(b.RequestID()), []byte(b.Data()))
	if string(again) != string(b) {
		t.Errorf("%q put together again is %q", b, again)
	}
}

func FuzzBody(f *testing.F) {
	f.Add(string(AppendBody(nil, 'o', []byte(aClient), []byte(`"1"`), []byte("data"))))
	f.Add("c" + aClient + "+000001x")
	f.Add("c" + aClient + "-000001x")
	f.Add("c" + aClient + "9999999")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if b := Body(s); b.Valid() {
			use(t, b)
		}
	})
}

func FuzzParseBell(f *testing.F) {
	member := " " + aClient + " w r 1 0123456789abcdef inst"
	f.Add("d" + aRoom + aClient + "17-0 " + string(AppendBody(nil, 'c', []byte(aClient), nil, []byte("x"))))
	f.Add("d" + aRoom + aClient + "17-0 ")
	f.Add("t" + aRoom + aClient + "17-0 00-trace-01 " + string(AppendBody(nil, 'c', []byte(aClient), nil, []byte("x"))))
	f.Add("t" + aRoom + aClient + "17-0 00-trace-01 ")
	f.Add("d" + aRoom + aClient + "17-0 c" + aClient + "+000000")
	for _, k := range "jr" {
		f.Add(string(k) + aRoom + member + " 4")
	}
	f.Add("s" + aRoom + member + " 4 60000")
	f.Add("l" + aRoom + member + " 4 w\n" + aClient + `0000003"1"`)
	f.Add("l" + aRoom + member + " 4 n\n" + aClient + "-000003")
	f.Add("f" + aRoom + member)
	f.Add("u" + aRoom + member + "\n" + aClient + `0000003"1"`)
	f.Add("r" + aRoom + " " + aClient + " host>viewer r 1 0123456789abcdef inst 4")
	f.Add("p" + aRoom + member + " other 0123456789abcdef")
	f.Add("q0123456789abcdef" + aClient)
	f.Fuzz(func(t *testing.T, s string) {
		var b Bell
		if parseBell(s, &b) != nil {
			return
		}
		if b.Kind == BellData && b.Body != "" {
			use(t, b.Body)
		}
		if b.Kind != BellAlive && len(b.Room) != roomLen || strings.IndexByte("djrslfpqu", byte(b.Kind)) < 0 {
			t.Errorf("%q is %+v", s, b)
		}
	})
}

func FuzzParseUndelivered(f *testing.F) {
	f.Add(aClient + `0000003"1"` + aClient + "0000000")
	f.Add(aClient + "+000003abc")
	f.Add(aClient + "0000009abc")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseUndelivered(s)
		if err != nil {
			return
		}
		n := 0
		for _, u := range list {
			n += len(u.Client) + digits + len(u.RequestID)
		}
		if n != len(s) {
			t.Errorf("%q: %d of %d bytes", s, n, len(s))
		}
	})
}

func FuzzParseEntryID(f *testing.F) {
	for _, s := range []string{"0-0", "1-2", "18446744073709551615-18446744073709551615", "+1-0", "1-", "-", "1-2-3", "01-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := parseEntryID(s)
		if err != nil {
			return
		}
		if again, err := parseEntryID(id.String()); err != nil || again != id || again.Compare(id) != 0 {
			t.Errorf("%q is %v, then %v (%v)", s, id, again, err)
		}
	})
}
