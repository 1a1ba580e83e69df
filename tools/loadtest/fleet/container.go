package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Container is a memory cgroup, as container platforms make one: what is charged are the pages of the process and what the
// kernel holds for its sockets. It needs root, and cgroups of version 2 or 1.
type Container struct {
	dir   string
	names cgroupFiles
}

type cgroupFiles struct{ root, limit, usage, peak string }

var (
	cgroup2 = cgroupFiles{"/sys/fs/cgroup", "memory.max", "memory.current", "memory.peak"}
	cgroup1 = cgroupFiles{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.max_usage_in_bytes"}
)

// NewContainer makes one with a limit in bytes.
func NewContainer(limit int64) (*Container, error) {
	names := cgroup1
	if b, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil && bytes.Contains(b, []byte("memory")) {
		names = cgroup2
		if err := os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0o644); err != nil {
			return nil, fmt.Errorf("delegate the memory cgroup: %w", err)
		}
	}
	dir, err := os.MkdirTemp(names.root, "rejoin-loadtest-")
	if err != nil {
		return nil, fmt.Errorf("make a memory cgroup: %w", err)
	}
	c := &Container{dir: dir, names: names}
	if err := os.WriteFile(filepath.Join(dir, names.limit), strconv.AppendInt(nil, limit, 10), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("limit a memory cgroup: %w", err), c.Remove())
	}
	return c, nil
}

// command is a program and its arguments that begin in the container: a page is charged where it is first touched.
func (c *Container) command(binary string) (string, []string) {
	if c == nil {
		return binary, nil
	}
	return "/bin/sh", []string{"-c", `echo $$ >"$0" && exec "$1"`, filepath.Join(c.dir, "cgroup.procs"), binary}
}

// Usage returns what is charged now and the most that was, bytes.
func (c *Container) Usage() (now, peak int64, err error) {
	read := func(name string) (n int64) {
		b, e := os.ReadFile(filepath.Join(c.dir, name))
		if e == nil {
			n, e = strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
		}
		err = errors.Join(err, e)
		return n
	}
	now, peak = read(c.names.usage), read(c.names.peak)
	return now, peak, err
}

// Remove waits until the processes have gone, a second at most.
func (c *Container) Remove() error {
	if c == nil {
		return nil
	}
	for range 100 {
		err := os.Remove(c.dir)
		if err == nil || !errors.Is(err, syscall.EBUSY) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("remove %s: still in use", c.dir)
}
