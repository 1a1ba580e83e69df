package health_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/rejoin-dev/rejoin/functions/internal/health"
)

func serve(t *testing.T, status int) (port uint16) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
}

func TestWorksWhereverTheListenerIs(t *testing.T) {
	t.Parallel()
	port := serve(t, http.StatusOK)
	for _, host := range []string{"", "0.0.0.0", "::", "127.0.0.1", "localhost"} {
		if err := health.Check(t.Context(), host, port); err != nil {
			t.Errorf("HOST=%q: %v", host, err)
		}
	}
}

func TestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := netip.MustParseAddrPort(l.Addr().String()).Port()
	_ = l.Close()
	for _, test := range []struct {
		name string
		port uint16
		want string
	}{
		{"an error answered", serve(t, http.StatusServiceUnavailable), "503"},
		{"nobody there", gone, "refused"},
		{"no port", 0, "set one"},
	} {
		if err := health.Check(t.Context(), "127.0.0.1", test.port); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
