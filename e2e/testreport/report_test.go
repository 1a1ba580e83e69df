package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []string
		want string
		ok   bool
	}{
		"all pass, subtests are not counted": {
			in: []string{
				`{"Action":"start","Package":"a"}`,
				`{"Action":"run","Package":"a","Test":"TestX"}`,
				`{"Action":"output","Package":"a","Test":"TestX","Output":"=== RUN   TestX\n"}`,
				`{"Action":"output","Package":"a","Test":"TestX","Output":"    x_test.go:1: hello\n"}`,
				`{"Action":"pass","Package":"a","Test":"TestX/sub"}`,
				`{"Action":"pass","Package":"a","Test":"TestX"}`,
				`{"Action":"pass","Package":"a","Elapsed":1.25}`,
			},
			want: "ok   a 1.2 s, 1 passed\n1 passed, 0 failed\n",
			ok:   true,
		},
		"a failed test shows all it said, once": {
			in: []string{
				`{"Action":"output","Package":"a","Test":"TestX/sub","Output":"    x_test.go:1: wrong\n"}`,
				`{"Action":"output","Package":"a","Test":"TestY","Output":"quiet\n"}`,
				`{"Action":"fail","Package":"a","Test":"TestX/sub"}`,
				`{"Action":"fail","Package":"a","Test":"TestX"}`,
				`{"Action":"pass","Package":"a","Test":"TestY"}`,
				`{"Action":"fail","Package":"a","Elapsed":2}`,
			},
			want: "    x_test.go:1: wrong\nFAIL a 2.0 s, 1 passed, 1 failed\n1 passed, 1 failed\n",
		},
		"skipped tests are told and do not count": {
			in: []string{
				`{"Action":"skip","Package":"a","Test":"TestX"}`,
				`{"Action":"pass","Package":"a","Test":"TestY"}`,
				`{"Action":"pass","Package":"a"}`,
			},
			want: "ok   a 0.0 s, 1 passed, 1 skipped\n1 passed, 0 failed\n",
			ok:   true,
		},
		"a package that fails by itself is one failure": {
			in: []string{
				`{"Action":"pass","Package":"a","Test":"TestX"}`,
				`{"Action":"output","Package":"a","Output":"goleak: found unexpected goroutines\n"}`,
				`{"Action":"fail","Package":"a"}`,
			},
			want: "goleak: found unexpected goroutines\nFAIL a 0.0 s, 1 passed, 1 failed\n1 passed, 1 failed\n",
		},
		"a test that never ended is shown": {
			in: []string{
				`{"Action":"output","Package":"a","Test":"TestX","Output":"panic: test timed out\n"}`,
				`{"Action":"fail","Package":"a"}`,
			},
			want: "panic: test timed out\nFAIL a 0.0 s, 0 passed, 1 failed\n0 passed, 1 failed\n",
		},
		"so is one beside a test that failed before": {
			in: []string{
				`{"Action":"fail","Package":"a","Test":"TestX"}`,
				`{"Action":"output","Package":"a","Test":"TestY","Output":"panic: no\n"}`,
				`{"Action":"output","Package":"a","Output":"FAIL\n"}`,
				`{"Action":"fail","Package":"a"}`,
			},
			want: "panic: no\nFAIL a 0.0 s, 0 passed, 1 failed\n0 passed, 1 failed\n",
		},
		"a package that does not build is one failure": {
			in: []string{
				`{"ImportPath":"a","Action":"build-output","Output":"a.go:1: undefined: x\n"}`,
				`{"ImportPath":"a","Action":"build-fail"}`,
				`{"Action":"fail","Package":"a","FailedBuild":"a"}`,
			},
			want: "a.go:1: undefined: x\nFAIL a 0.0 s, 0 passed, 1 failed\n0 passed, 1 failed\n",
		},
		"a package without tests is not told": {
			in: []string{
				`{"Action":"skip","Package":"a"}`,
				`{"Action":"pass","Package":"b","Test":"TestX"}`,
				`{"Action":"pass","Package":"b"}`,
			},
			want: "ok   b 0.0 s, 1 passed\n1 passed, 0 failed\n",
			ok:   true,
		},
		"a run that was cut off failed": {
			in:   []string{`{"Action":"pass","Package":"a","Test":"TestX"}`},
			want: "FAIL a 0.0 s, 1 passed, 1 failed\n1 passed, 1 failed\n",
		},
		"what is no event is printed, and no tests are no success": {
			in:   []string{`go: updates to go.mod needed`},
			want: "go: updates to go.mod needed\n0 passed, 0 failed\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ok, err := run(strings.NewReader(strings.Join(c.in, "\n")+"\n"), &out)
			if err != nil || ok != c.ok || out.String() != c.want {
				t.Errorf("ok %v, error %v, printed:\n%s\nwant ok %v and:\n%s", ok, err, out.String(), c.ok, c.want)
			}
		})
	}
}
