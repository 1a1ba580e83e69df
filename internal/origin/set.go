package origin

import (
	"errors"
	"fmt"
)

// null is the origin of pages without one, such as files and sandboxed frames. It has to be listed explicitly.
const null = "null"

// longest is the length beyond which an origin is not examined. A host has at most 253 bytes.
const longest = 512

// Set holds the origins that may connect. The zero value holds none. It is safe for concurrent use.
type Set struct {
	all      bool
	exact    map[string]bool
	patterns []parts
}

// Parse parses a list of settings:
//
//	https://app.example, https://app.example:8443, chrome-extension://<id>   that origin, in any spelling
//	https://*.app.example                                                    every subdomain, but not app.example itself
//	http://localhost:*                                                       every port
//	moz-extension://*                                                        every origin of that scheme
//	null                                                                     pages without an origin: files, sandboxed frames
//	*                                                                        all
//
// It returns the valid ones, and one error for each that can never match.
func Parse(list []string) (Set, error) {
	s := Set{exact: map[string]bool{}}
	var errs []error
	for _, text := range list {
		if err := s.add(text); err != nil {
			errs = append(errs, &Error{Text: text, Err: err})
		}
	}
	return s, errors.Join(errs...)
}

// Error explains why a setting can never match.
type Error struct {
	Text string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("origin %q: %v", e.Text, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func (s *Set) add(text string) error {
	switch text {
	case wildcard:
		s.all = true
		return nil
	case null:
		s.exact[null] = true
		return nil
	}
	p, err := parse(text)
	switch {
	case err != nil:
		return err
	case p.isPattern():
		s.patterns = append(s.patterns, p)
	default:
		s.exact[p.String()] = true
	}
	return nil
}

// Allows reports whether a page with that Origin header may connect. It allocates nothing for a listed origin in the form
// browsers send.
func (s *Set) Allows(origin string) bool {
	if s.all || s.exact[origin] {
		return true
	}
	if len(origin) > longest {
		return false
	}
	o, err := parse(origin)
	if err != nil || o.isPattern() {
		return false
	}
	if s.exact[o.String()] {
		return true
	}
	for _, p := range s.patterns {
		if p.matches(o) {
			return true
		}
	}
	return false
}
