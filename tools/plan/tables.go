package main

import (
	"fmt"
	"strings"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/plan/sizing"
)

// planTable is Markdown: a column for each platform.
func planTable(plans []sizing.Plan) string {
	t := table{head: []string{""}}
	for i := range plans {
		t.head = append(t.head, plans[i].Platform.Name)
	}
	t.row(plans, "cells", func(p *sizing.Plan) string { return commas(p.Cells) + because(p.CellsFor) })
	t.row(plans, "instances", func(p *sizing.Plan) string { return commas(p.Instances) + because(p.InstancesFor) })
	t.row(plans, "clients per instance", func(p *sizing.Plan) string { return commas(p.PerInstance()) })
	t.row(plans, "use of an instance", func(p *sizing.Plan) string {
		return fmt.Sprintf("%s of %g vCPU, %.0f MB including sockets", percent(p.InstanceBusy), p.Platform.VCPU, p.InstanceMB)
	})
	t.row(plans, "balancers", func(p *sizing.Plan) string {
		if p.Balancers == 0 {
			return "the platform's"
		}
		return commas(p.Balancers)
	})
	t.row(plans, "Redis primaries", func(p *sizing.Plan) string {
		return fmt.Sprintf("%s, %s%s", commas(p.Shards), p.Node.Name, because(p.ShardsFor))
	})
	t.row(plans, "clients per primary", func(p *sizing.Plan) string { return commas(p.InShard()) })
	t.row(plans, "CPU of a primary", func(p *sizing.Plan) string { return percent(p.ShardBusy) })
	t.row(plans, "memory of all primaries", func(p *sizing.Plan) string { return digits(p.RedisGB) + " GB" })
	t.row(plans, "messages per second", func(p *sizing.Plan) string { return commas(p.MessagesPerSecond) })
	t.row(plans, "egress per month", func(p *sizing.Plan) string { return digits(p.EgressGB/1e3) + " TB" })
	t.row(plans, "USD per month", func(p *sizing.Plan) string {
		var parts []string
		for _, i := range p.Items {
			parts = append(parts, i.What+" "+commas(i.USD))
		}
		return fmt.Sprintf("**%s**: %s", commas(p.USD), strings.Join(parts, ", "))
	})
	t.row(plans, "USD per month and 1,000 clients", func(p *sizing.Plan) string { return fmt.Sprintf("%.2f", p.USD/p.Clients*1e3) })
	return t.String()
}

// limitTable says from how many clients on what breaks, for plans of one number of clients.
func limitTable(p *sizing.Planner, plans []sizing.Plan) string {
	t := table{head: []string{"limit"}}
	at := map[string]map[string]string{}
	var order []sizing.Limit
	for i := range plans {
		t.head = append(t.head, plans[i].Platform.Name)
		for _, l := range p.Limits(&plans[i]) {
			if at[l.Name] == nil {
				at[l.Name] = map[string]string{}
				order = append(order, l)
			}
			text := fmt.Sprintf("%s used at any size", percent(l.Used))
			if l.At > 0 {
				text = fmt.Sprintf("%s (%s used)", commas(round(l.At)), percent(l.Used))
			}
			at[l.Name][plans[i].Platform.Name] = text
		}
	}
	t.head = append(t.head, "and then")
	sortLimits(order)
	for _, l := range order {
		cells := []string{l.Name}
		for i := range plans {
			text := at[l.Name][plans[i].Platform.Name]
			if text == "" {
				text = "–"
			}
			cells = append(cells, text)
		}
		t.rows = append(t.rows, append(cells, l.Answer))
	}
	return t.String()
}

// simulationTable has a row for each herd of each plan.
func simulationTable(all []simulated, name func(*simulated) string) string {
	t := table{head: []string{
		"", "event", "messages p50", "p99", "cut", "all back after", "not back in time", "told to come later", "primary CPU, busiest second", "instance CPU, busiest second",
	}}
	var notes strings.Builder
	for i := range all {
		s := &all[i]
		for j, r := range s.verdict.Results {
			who := ""
			if j == 0 {
				who = name(s)
			}
			cells := []string{who, r.Herd.String(), seconds(r.Messages.P50()), seconds(r.Messages.P99())}
			if r.Away == 0 {
				cells = append(cells, "", "", "", "")
			} else {
				cells = append(cells, commas(float64(r.Away)), seconds(r.BackAfter), commas(float64(r.Lost)), commas(float64(r.Refused)))
			}
			t.rows = append(t.rows, append(cells, percent(r.ShardPeak), percent(r.InstancePeak)))
		}
		for _, b := range s.verdict.Broken {
			fmt.Fprintf(&notes, "- %s: **BROKEN**: %s.\n", name(s), b)
		}
		if s.times > 0 {
			fmt.Fprintf(&notes, "- %s: with %g times as many clients this breaks first: %s.\n", name(s), s.times, strings.Join(s.broken, "; "))
		}
	}
	return t.String() + "\n" + notes.String()
}

// unitTable lists what is measured, as it is used.
func unitTable(p *sizing.Planner) string {
	t := table{head: []string{"per", "what", "servers", "Redis"}}
	u := &p.Units
	curve := func(c sizing.Curve, format string, divide float64) string {
		var parts []string
		for _, q := range c {
			parts = append(parts, fmt.Sprintf(format+" at %s", q.Y/divide, commas(round(q.X))))
		}
		return strings.Join(parts, ", ")
	}
	t.rows = [][]string{
		{"process", "memory, empty", fmt.Sprintf("%.1f MB", u.InstanceBytes/1e6), fmt.Sprintf("%.1f MB", u.RedisBytes/1e6)},
		{
			"connection", "memory, by connections in the process", curve(u.ConnectionBytes, "%.2f KB", 1e3),
			fmt.Sprintf("%.2f KB", u.RedisClient/1e3),
		},
		{"connection", "CPU per second, idle, by connections", curve(u.IdleServer, "%.2f µs", 1), curve(u.IdleRedis, "%.2f µs", 1)},
		{"connect", "CPU", fmt.Sprintf("%.0f µs", u.ConnectServer), fmt.Sprintf("%.0f µs", u.ConnectRedis)},
		{"message", "CPU, by messages per second of the process", curve(u.MessageServer, "%.0f µs", 1), curve(u.MessageRedis, "%.0f µs", 1)},
		{"resume with 20 waiting messages", "CPU", fmt.Sprintf("%.0f µs", u.ResumeServer), fmt.Sprintf("%.0f µs", u.ResumeRedis)},
		{"instance", "connections to a Redis node; start", fmt.Sprintf("%.0f; %.0f ms", u.RedisConnections, u.StartSeconds*1e3), ""},
	}
	return t.String()
}

// loadTable lists what the load test's large scenarios found.
func loadTable(files []report.File) string {
	t := table{head: []string{
		"", "users", "CPU per new user, servers; Redis", "memory per connection", "negotiation p50; p99", "one way p50; p99",
		"all back after", "resume p50; p99", "CPU per resume, servers; Redis", "peak CPU, servers; Redis", "messages, lost",
	}}
	for _, f := range files {
		for i := range f.Results {
			r := &f.Results[i]
			if f.Scenario != "load" && f.Scenario != "storm" {
				continue
			}
			get := func(name string) float64 { v, _ := r.Get(name); return v }
			latency := func(name string) string {
				l := r.Latency(name)
				if l == nil {
					return "–"
				}
				return seconds(l.P50/1e6) + "; " + seconds(l.P99/1e6)
			}
			back, cost := "–", "–"
			if v := get("all_back_after"); v > 0 {
				back, cost = seconds(v), fmt.Sprintf("%.0f; %.0f µs", get("server_cpu_per_resume"), get("redis_cpu_per_resume"))
			}
			t.rows = append(t.rows, []string{
				f.Scenario + ", " + setting(r, "dialect"), commas(get(report.FigConnections)),
				fmt.Sprintf("%.0f; %.0f µs", get("server_cpu_per_user"), get("redis_cpu_per_user")),
				fmt.Sprintf("%.2f KB", get(report.FigRSSPerConnection)/1e3), latency(report.LatNegotiation), latency(report.LatOneWay),
				back, latency(report.LatResume), cost,
				fmt.Sprintf("%s; %s", percent(get("server_cpu_peak")), percent(get("redis_cpu_peak"))),
				fmt.Sprintf("%s, %d", commas(float64(r.Tally.Sent)), r.Lost),
			})
		}
	}
	return t.String()
}

func setting(r *report.Result, name string) string {
	for _, s := range r.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}
