package client_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A time.Time that went through a number, or lost its monotonic reading otherwise, jumps when the clock is set. Nothing here needs one.
func TestDurationsAreMonotonic(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	wall := regexp.MustCompile(`time\.Unix|\.Unix(Milli|Micro|Nano)?\(|\.Round\(|\.Truncate\(|\.UTC\(|\.Local\(|time\.Date\(|\.AppendFormat\(`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range wall.FindAllString(string(code), -1) {
			t.Errorf("%s: %s loses the monotonic reading", file, found)
		}
	}
}
