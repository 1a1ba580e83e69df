package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Load reads all settings into cfg, a pointer to a struct, and reports every bad one at once. White space around values and
// list elements is ignored. After reading, check validates what the types cannot, and returns a line "NAME=value: want …" for each
// bad setting. Lines about settings that could not be read are dropped.
func Load(cfg any, environ []string, check func() []string) error {
	list := List(cfg)
	vars := tidied(env.ToMap(environ), list)
	bad, unread := explainAll(env.ParseWithOptions(cfg, env.Options{Environment: vars}), list, vars)
	tidyLists(cfg)
	for _, line := range check() {
		if name, _, _ := strings.Cut(line, "="); !unread[name] {
			bad = append(bad, line)
		}
	}
	if len(bad) > 0 {
		return errors.New("bad settings (see -h):\n  " + strings.Join(bad, "\n  "))
	}
	return nil
}

// explainAll returns a line for each variable that could not be read, and the set of them.
func explainAll(err error, list []Setting, vars map[string]string) (bad []string, unread map[string]bool) {
	unread = map[string]bool{}
	var all env.AggregateError
	if err != nil && !errors.As(err, &all) {
		return []string{err.Error()}, unread
	}
	for _, e := range all.Errors {
		line := explain(e, list, vars)
		name, _, _ := strings.Cut(line, "=")
		bad, unread[name] = append(bad, line), true
	}
	return bad, unread
}

// explain names the variable and what was expected.
func explain(err error, list []Setting, vars map[string]string) string {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return err.Error()
	}
	for _, s := range list {
		if s.field == parse.Name {
			return fmt.Sprintf("%s=%q: want %s", s.Name, vars[s.Name], wanted(parse.Type))
		}
	}
	return err.Error()
}

func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration like 500ms, 25s or 5m"
	case t == reflect.TypeFor[slog.Level]():
		return "debug, info, warn or error"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Uint16:
		return "a port, 0 to 65535"
	}
	return "a whole number"
}
