package procfs

import (
	"fmt"
	"os"
	"runtime"
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
