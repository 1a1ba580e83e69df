// Command testreport reads the output of go test -json on standard input and prints what a person
// wants to see of it: a line for each package, and all that a failed test said.
//
// Its last line is the count, "12 passed, 0 failed". Counted are Go tests: top-level functions
// (Test, Fuzz, Example), not their subtests. A package that failed without a failed test (it did
// not build, timed out, leaked a goroutine) counts as one failure. The exit status is 1 when
// anything failed or nothing was there to count.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether there were tests and all of them passed. It returns an error when in cannot
// be read or out cannot be written.
func run(in io.Reader, out io.Writer) (bool, error) {
	r := newReport(out)
	if err := r.read(in); err != nil {
		return false, err
	}
	return r.close()
}
