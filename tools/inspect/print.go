package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table prints rows in columns; the first is the heading.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

func ms(n int64) string { return (time.Duration(n) * time.Millisecond).String() }

// state is what a client does now, with what is left of its window.
func (c session) state() string {
	switch {
	case c.State == "suspended" && c.WindowMs <= 0:
		return "suspended, window over"
	case c.State == "suspended":
		return "suspended, " + ms(c.WindowMs) + " left"
	}
	return c.State
}

func (c session) row() []string {
	return []string{
		c.Client, c.Role, c.Target, c.Dialect, c.state(), c.Instance, c.Lease, c.Since.Format(time.RFC3339),
		fmt.Sprint(c.Waiting), fmt.Sprint(c.WaitingBytes), c.Last,
	}
}

var columns = []string{"CLIENT", "ROLE", "TARGET", "DIALECT", "STATE", "INSTANCE", "LEASE", "SINCE", "WAITING", "BYTES", "LAST"}

func (r roomReport) print(w io.Writer) error {
	fmt.Fprintf(w, "room %s: %d clients, version %d, kept for %s\n\n", r.Room, len(r.Clients), r.Version, ms(r.LivesMs))
	rows := [][]string{append(slices.Clone(columns), "ACKNOWLEDGED", "EPOCH")}
	for _, c := range r.Clients {
		rows = append(rows, append(c.row(), c.Acknowledged, fmt.Sprint(c.Epoch)))
	}
	return table(w, rows)
}

// coverage says what was looked at.
func (s scanned) coverage() string {
	if s.Complete {
		return fmt.Sprintf("all %d rooms", s.Rooms)
	}
	return fmt.Sprintf("the first %d rooms, there are more (-rooms)", s.Rooms)
}

func (r instanceReport) print(w io.Writer) error {
	lease := r.Lease
	if r.LeaseMs > 0 {
		lease += ", " + ms(r.LeaseMs) + " left"
	}
	fmt.Fprintf(w, "instance %s: lease %s; %d clients in %s\n\n", r.Instance, lease, len(r.Clients), r.coverage())
	rows := [][]string{append([]string{"ROOM"}, columns...)}
	for _, c := range r.Clients {
		rows = append(rows, append([]string{c.Room}, c.row()...))
	}
	return table(w, rows)
}

func (r totalsReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s; %d live sessions (%d of instances without a lease), %d suspended; %d entries wait, %d bytes\n\n",
		r.coverage(), r.Live, r.Orphans, r.Suspended, r.Waiting, r.WaitingBytes)
	rows := [][]string{{"INSTANCE", "LEASE", "LIVE", "SUSPENDED", "WAITING", "BYTES"}}
	for _, name := range slices.Sorted(maps.Keys(r.Instances)) {
		h := r.Instances[name]
		rows = append(rows, []string{name, h.Lease, fmt.Sprint(h.Live), fmt.Sprint(h.Suspended), fmt.Sprint(h.Waiting), fmt.Sprint(h.WaitingBytes)})
	}
	return table(w, rows)
}
