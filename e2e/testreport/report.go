package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of go test -json (go doc test2json), with the fields that are used here.
type event struct {
	Action  string
	Package string
	Test    string  // "" for what the package as a whole does
	Elapsed float64 // seconds
	Output  string
}

// suite is one package that is being tested.
type suite struct {
	output                  map[string]*strings.Builder // what each running top-level test said so far
	passed, failed, skipped int
}

// report adds up the events of a run. Not safe for concurrent use.
type report struct {
	out            *bufio.Writer
	suites         map[string]*suite // those that have not ended
	passed, failed int
}

func newReport(out io.Writer) *report {
	return &report{out: bufio.NewWriter(out), suites: map[string]*suite{}}
}

// read blocks until in ends. It prints lines that are not events, such as go's own complaints.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action == "" {
		r.print(line)
		return
	}
	switch {
	case e.Action == "build-output":
		r.print(e.Output)
	case e.Package == "":
	case e.Test == "":
		r.packageEvent(e)
	default:
		r.testEvent(e)
	}
}

func (r *report) packageEvent(e event) {
	s := r.suite(e.Package)
	switch e.Action {
	case "output":
		s.add("", e.Output)
	case "pass", "skip", "fail":
		r.end(e, s)
	}
}

// testEvent files what a subtest says under its top-level test, and counts only the latter.
func (r *report) testEvent(e event) {
	s := r.suite(e.Package)
	name, _, isSubtest := strings.Cut(e.Test, "/")
	if e.Action == "output" {
		s.add(name, e.Output)
		return
	}
	if isSubtest {
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
	case "fail":
		s.failed++
		r.print(s.said(name))
	default:
		return
	}
	delete(s.output, name)
}

// end prints the line of a package, after what its tests left unsaid if it failed.
func (r *report) end(e event, s *suite) {
	delete(r.suites, e.Package)
	if e.Action == "fail" {
		r.printRest(s)
		s.failed = max(s.failed, 1)
	}
	r.passed += s.passed
	r.failed += s.failed
	mark := "ok  "
	switch {
	case e.Action == "fail":
		mark = "FAIL"
	case s.passed+s.skipped == 0:
		return // no tests: nothing to tell
	}
	line := fmt.Sprintf("%s %s %.1f s, %d passed", mark, e.Package, e.Elapsed, s.passed)
	if s.skipped > 0 {
		line += fmt.Sprintf(", %d skipped", s.skipped)
	}
	if s.failed > 0 {
		line += fmt.Sprintf(", %d failed", s.failed)
	}
	r.print(line + "\n")
	_ = r.out.Flush() // an error stays in the writer and comes back from close
}

// printRest prints what tests said that never ended, because the process died. What the package
// said as a whole is only told when no test is there to blame: it repeats that one failed.
func (r *report) printRest(s *suite) {
	for _, name := range slices.Sorted(maps.Keys(s.output)) {
		if name != "" || s.failed == 0 {
			r.print(s.said(name))
		}
	}
}

// close prints the count. It reports whether there were tests and all passed.
func (r *report) close() (bool, error) {
	for name, s := range r.suites { // go test itself was ended
		r.end(event{Action: "fail", Package: name}, s)
	}
	r.print(fmt.Sprintf("%d passed, %d failed\n", r.passed, r.failed))
	return r.passed > 0 && r.failed == 0, r.out.Flush()
}

func (r *report) suite(name string) *suite {
	s := r.suites[name]
	if s == nil {
		s = &suite{output: map[string]*strings.Builder{}}
		r.suites[name] = s
	}
	return s
}

func (r *report) print(text string) {
	_, _ = r.out.WriteString(text) // an error stays in the writer and comes back from close
}

// add keeps what a test said, without go test's notes on which test is speaking.
func (s *suite) add(test, text string) {
	for _, note := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME"} {
		if strings.HasPrefix(text, note) {
			return
		}
	}
	if s.output[test] == nil {
		s.output[test] = &strings.Builder{}
	}
	s.output[test].WriteString(text)
}

func (s *suite) said(test string) string {
	if s.output[test] == nil {
		return ""
	}
	return s.output[test].String()
}
