package procfs

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where figures were taken.
type Machine struct {
	CPU         string `json:"cpu"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memory_bytes"`
	Kernel      string `json:"kernel"`
	Arch        string `json:"arch"`
}

// ThisMachine describes the machine; what cannot be found out is left empty.
func ThisMachine() Machine {
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	memory, _ := os.ReadFile("/proc/meminfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return Machine{
		CPU:         ModelName(cpus),
		Cores:       runtime.NumCPU(),
		MemoryBytes: Kilobytes(memory, "MemTotal:"),
		Kernel:      strings.TrimSpace(string(kernel)),
		Arch:        runtime.GOARCH,
	}
}

// ModelName returns the name of the first processor in the content of /proc/cpuinfo, empty when it has none.
func ModelName(cpuinfo []byte) string {
	for line := range strings.Lines(string(cpuinfo)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (m Machine) String() string {
	return fmt.Sprintf("%d × %s, %.1f GB, Linux %s %s", m.Cores, m.CPU, float64(m.MemoryBytes)/1e9, m.Kernel, m.Arch)
}

// KernelMemory is what the kernel holds in its slabs, where sockets are, and in their buffers, bytes: of the whole machine.
func KernelMemory() (int64, error) {
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	sockets, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	return Kilobytes(memory, "Slab:") + BufferPages(sockets)*int64(os.Getpagesize()), nil
}

// BufferPages returns the pages that TCP buffers take, from the content of /proc/net/sockstat; 0 when it does not say.
func BufferPages(sockstat []byte) int64 {
	for line := range strings.Lines(string(sockstat)) {
		if _, pages, ok := strings.Cut(line, " mem "); ok && strings.HasPrefix(line, "TCP:") {
			n, _ := strconv.ParseInt(strings.TrimSpace(pages), 10, 53)
			return n
		}
	}
	return 0
}
