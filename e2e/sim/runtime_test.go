package sim_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// patches take what is left to chance out of Go's runtime, for this test program only (go build -overlay). Of several ready cases of a
// select, of timers that are due at the same fake instant, and of the places to begin an iteration over a map the runtime draws one, and it
// takes the processor from a goroutine that had it for 10 ms of real time. The product must be right whichever way that goes, but a seed has
// to go the same way each time. So within a bubble the draws come from the seed, and no goroutine is interrupted.
var patches = []struct{ file, old, by string }{
	{
		"synctest.go", "\twaiting bool   // true if a goroutine is calling synctest.Wait\n",
		"\twaiting bool   // true if a goroutine is calling synctest.Wait\n\trandom  uint64\n\tmaps    uint64\n",
	},
	{"synctest.go", "\t\troot:    gp,\n", "\t\troot:    gp,\n\t\trandom:  bubbleSeed,\n\t\tmaps:    bubbleSeed * 0x9e3779b97f4a7c15,\n"},
	{"synctest.go", "\n// changegstatus is called", `
// bubbleSeed is what the next bubble draws from.
//
//go:linkname bubbleSeed
var bubbleSeed uint64

// draw is SplitMix64.
//
//go:nosplit
func (bubble *synctestBubble) draw() uint64 {
	bubble.random += 0x9e3779b97f4a7c15
	x := bubble.random
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// changegstatus is called`},
	{"select.go", "j := cheaprandn(uint32(norder + 1))", "j := cheaprandn(uint32(norder + 1))\n" + drawn("j = uint32(b.draw() % uint64(norder+1))")},
	{"time.go", "t.rand = cheaprand()", "t.rand = cheaprand()\n" + drawn("t.rand = uint32(b.draw())")},
	{"rand.go", "func rand() uint64 {\n", "func rand() uint64 {\n" + drawn("return b.draw()")},
	// Maps draw nothing: what is made once in a process, such as a cache, would shift the draws of the seed that comes first.
	{"rand.go", "func maps_rand() uint64 {\n", "func maps_rand() uint64 {\n" + drawn("return b.maps")},
	{"rand.go", "func rand32() uint32 {\n", "func rand32() uint32 {\n" + drawn("return uint32(b.maps)")},
	// How maps hash their keys, and where the heap is.
	{"rand.go", "\tglobalRand.state.Init(*seed)\n\tclear(seed[:])\n", "\tclear(seed[:])\n\tglobalRand.state.Init(*seed)\n"},
	{"proc.go", "const forcePreemptNS = 10 * 1000 * 1000 ", "const forcePreemptNS = 60 * 1000 * 1000 * 1000 "},
}

func drawn(statement string) string {
	return "\tif b := getg().bubble; b != nil {\n\t\t" + statement + "\n\t}\n"
}

// build builds this program with the patched runtime, and without the race detector: with it the same takes ten times as long.
var build = sync.OnceValues(func() (string, error) {
	if patched {
		return os.Executable()
	}
	overlay, err := writePatched()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(scratch(), "sim.test")
	cmd := exec.Command("go", "test", "-c", "-race=false", "-vet=off", "-tags=patched", "-overlay="+overlay, "-o", binary, ".")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, text)
	}
	return binary, nil
})

// writePatched writes the files of the runtime that change, and the list of them.
func writePatched() (overlay string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	files := map[string]string{}
	for _, p := range patches {
		path := filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", p.file)
		if files[path] == "" {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("patch the runtime: %w", err)
			}
			files[path] = string(text)
		}
		if strings.Count(files[path], p.old) != 1 {
			return "", fmt.Errorf("patch the runtime: %s of this version of Go has changed; %q is not in it once", path, p.old)
		}
		files[path] = strings.Replace(files[path], p.old, p.by, 1)
	}
	list := struct{ Replace map[string]string }{map[string]string{}}
	for path, text := range files {
		list.Replace[path] = filepath.Join(scratch(), filepath.Base(path))
		if err := os.WriteFile(list.Replace[path], []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("patch the runtime: %w", err)
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("patch the runtime: %w", err)
	}
	overlay = filepath.Join(scratch(), "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// scratch is a directory for the time of the tests.
var scratch = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "rejoin-sim-")
	if err != nil {
		panic(err)
	}
	return dir
})
