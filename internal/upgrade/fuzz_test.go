package upgrade_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// FuzzHead wants the same end of a head however it arrives, and that net/http understands every request that
// is upgraded in the same way: what sits in front of us must not see another request than we do.
func FuzzHead(f *testing.F) {
	for _, test := range notUpgraded {
		if len(test.request) < 1000 {
			f.Add([]byte(test.request), uint16(7))
		}
	}
	f.Add([]byte(request(connect)), uint16(20))
	f.Add([]byte("\r\n\r\n"+request(connect)), uint16(3))
	f.Add([]byte("\r\n\r\n\r\n\r\n\r\n"+request(connect)), uint16(9))
	f.Add([]byte(strings.ReplaceAll(request(connect), "\r\n", "\n")), uint16(3))
	p := newPolicy(f, "", "*")
	f.Fuzz(func(t *testing.T, in []byte, at uint16) {
		whole := judge(p, in)
		var splits []int
		for n := range in {
			splits = append(splits, n)
		}
		for _, split := range [][]int{splits, {int(at) % (len(in) + 1)}} {
			if got := judge(p, in, split...); got.end != whole.end || got.status != whole.status {
				t.Fatalf("end %d, status %d; split: %d, %d", whole.end, whole.status, got.end, got.status)
			}
		}
		if whole.status != 101 {
			return
		}
		in = bytes.TrimLeft(in[:whole.end], "\r\n") // net/http does not know RFC 9112 section 2.2
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			t.Fatalf("upgraded, but: %v", err)
		}
		target := strings.Fields(string(in[:bytes.IndexByte(in, '\n')]))[1]
		if req.Method != "GET" || req.RequestURI != target || len(req.Header["Sec-Websocket-Key"]) != 1 || req.ContentLength > 0 {
			t.Fatalf("upgraded %q, but net/http reads %s", target, fmt.Sprint(req))
		}
	})
}
