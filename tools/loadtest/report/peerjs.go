package report

import (
	"fmt"
	"strings"
)

// What is measured of servers for PeerJS clients; see the scenario's flags.
const (
	// FigWithoutOpen is how many clients had no OPEN on their connection in the end.
	FigWithoutOpen = "clients_without_OPEN"
	// FigSilence is the longest that a client went without a message, seconds.
	FigSilence = "longest_silence"
	// FigShut is the longest that no new client could come in, seconds.
	FigShut = "longest_without_newcomers"
	// FigConnects is how many connections were opened a second.
	FigConnects = "connects_per_second"
	// Paced and Most are the ends of the names of what was measured at a rate, and as fast as it went.
	Paced, Most = "_paced", "_most"
	// LatPaced and LatMost are the latencies.
	LatPaced, LatMost = LatOneWay + ", at a rate", LatOneWay + ", as fast as it goes"
)

// peerjsResults are those of the latest run of each part, in its order.
func peerjsResults(files []File) map[string][]*Result {
	parts, from := map[string][]*Result{}, map[string]int{}
	for i := range files {
		if files[i].Scenario != "peerjs" {
			continue
		}
		for k := range files[i].Results {
			r := &files[i].Results[k]
			part := r.setting("part")
			if from[part] != i+1 {
				parts[part], from[part] = nil, i+1
			}
			parts[part] = append(parts[part], r)
		}
	}
	return parts
}

// peerjsName is a server as a reader knows it.
func peerjsName(r *Result) string {
	switch n := r.setting("server processes"); {
	case r.Subject == SubjectPeerServer:
		return SubjectPeerServer
	case n == "1":
		return "Rejoin, one instance"
	default:
		return "Rejoin, " + map[string]string{"2": "two", "3": "three", "4": "four"}[n] + " instances"
	}
}

// PeerJSCosts is the table of what servers for PeerJS clients cost; empty without a run.
func PeerJSCosts(files []File) string {
	costs := peerjsResults(files)["cost"]
	if len(costs) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| |")
	for _, r := range costs {
		fmt.Fprintf(&b, " %s |", peerjsName(r))
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(costs)) + "\n")
	for _, row := range []struct {
		name, figure, latency string
		show                  func(float64) string
	}{
		{"memory for an idle connection, KB", FigRSSPerConnection, "", func(v float64) string { return fmt.Sprintf("%.1f", v/1000) }},
		{"memory of an empty process, MB", "empty_process_rss", "", func(v float64) string { return fmt.Sprintf("%.0f", v) }},
		{"processor time for an idle connection and its heartbeats, µs a second", FigIdleCPU, "", func(v float64) string { return fmt.Sprintf("%.1f", v) }},
		{"connects a second, until OPEN", FigConnects, "", thousands},
		{"messages a second, as many as it relays", FigRate + Most, "", thousands},
		{"one way at %s messages a second, p50 · p99, ms", "", LatPaced, nil},
		{"processor time of the servers at that rate, µs a message", FigServerCPU + Paced, "", func(v float64) string { return fmt.Sprintf("%.0f", v) }},
		{"of Redis, µs a message", FigRedisCPU + Paced, "", func(v float64) string { return fmt.Sprintf("%.0f", v) }},
	} {
		name := row.name
		if strings.Contains(name, "%s") {
			rate, _ := costs[0].Get(FigRate + Paced)
			name = fmt.Sprintf(name, thousands(rate))
		}
		fmt.Fprintf(&b, "| %s |", name)
		for _, r := range costs {
			text := ""
			if row.latency != "" {
				if l := r.Latency(row.latency); l != nil {
					text = join(l.P50/1e3, l.P99/1e3)
				}
			} else if v, ok := r.Get(row.figure); ok {
				text = row.show(v)
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	n, _ := costs[0].Get(FigConnections)
	fmt.Fprintf(&b, "\n%s connections; Redis, servers and load on the same two cores.\n", thousands(n))
	return b.String()
}

// PeerJSFaults is the table of what PeerJS clients lose when something breaks; empty without a run.
func PeerJSFaults(files []File) string {
	parts := peerjsResults(files)
	var b strings.Builder
	for _, part := range []struct{ name, text string }{
		{"kill", "instance `kill -9`, started again after 2 s"},
		{"away", "half of the clients have no network for 2 s; their server hears nothing"},
		{"deploy", "all instances replaced, one after the other"},
		{"redis", "Redis killed, started again after 1 s, empty"},
	} {
		for _, r := range parts[part.name] {
			get := func(name string) float64 { v, _ := r.Get(name); return v }
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %.1f s | %.1f s |\n", part.text, peerjsName(r), thousands(float64(r.Tally.Sent)), thousands(float64(r.Lost)),
				thousands(float64(r.Tally.Duplicated)), thousands(get(FigWithoutOpen)), get(FigSilence), get(FigShut))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "| fault | server | messages | lost | twice | clients without OPEN | longest silence | no newcomer for |\n|---|---|---:|---:|---:|---:|---:|---:|\n" + b.String()
}
