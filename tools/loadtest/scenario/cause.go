//go:build linux

package scenario

import "github.com/rejoin-dev/rejoin/tools/loadtest/report"

// cause is the first thing that went wrong, for the person who has to find out.
type cause string

const maxCause = 300

func (c *cause) note(what string) {
	if *c == "" {
		*c = cause(what[:min(len(what), maxCause)])
	}
}

// tell adds it to the problems of a result.
func (c *cause) tell(r *report.Result) {
	if *c != "" {
		r.Problems = append(r.Problems, "the first: "+string(*c))
		r.OK = false
	}
}
