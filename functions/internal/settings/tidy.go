package settings

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// tidied returns the variables with the settings among them trimmed, because secrets often come from files that end in a line feed.
func tidied(vars map[string]string, list []Setting) map[string]string {
	vars = maps.Clone(vars)
	for _, s := range list {
		if text, ok := vars[s.Name]; ok {
			vars[s.Name] = trim(text)
		}
	}
	return vars
}

// trim strips white space around a value, and the byte order mark that some editors put at the beginning of a file.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' || r == '\u200b' })
}

// tidyLists trims the elements of all lists in the struct that cfg points to, and drops empty ones.
func tidyLists(cfg any) {
	v := reflect.ValueOf(cfg).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("env") == "" {
			continue
		}
		if list, ok := v.FieldByIndex(f.Index).Addr().Interface().(*[]string); ok {
			for i := range *list {
				(*list)[i] = trim((*list)[i])
			}
			*list = slices.DeleteFunc(*list, func(s string) bool { return s == "" })
		}
	}
}
