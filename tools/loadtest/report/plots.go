package report

import "sort"

// drawing is a picture, with what it shows.
type drawing struct{ title, svg string }

// drawings are all pictures that can be drawn. The keys are file names.
func drawings(files []File) map[string]drawing {
	all := map[string]drawing{}
	for name, p := range plots(files) {
		all[name] = drawing{p.Title, p.SVG()}
	}
	if svg := jitterPicture(files); svg != "" {
		all["jitter-delivery.svg"] = drawing{"Messages to clients whose connections are cut", svg}
	}
	for i := range files {
		if t := files[i].Timeline(); len(t) > 0 {
			all[files[i].name+".svg"] = drawing{"`" + files[i].Command + "`", t.SVG()}
		}
	}
	return all
}

// plots draws what there are enough measurements for. The keys are file names.
func plots(files []File) map[string]*Plot {
	memory := &Plot{Title: "Memory of an idle connection", X: "connections", Y: "bytes of process RSS per connection", LogX: true}
	idle := &Plot{Title: "Processor time of an idle connection", X: "connections", Y: "µs a second per connection", LogX: true}
	connections := &Plot{Title: "Cost of a message against connections", X: "connections", Y: "µs per message", LogX: true}
	rate := &Plot{Title: "Cost of a message against rate", X: "messages per second", Y: "µs per message", LogX: true}
	latency := &Plot{Title: "One-way latency against rate", X: "messages per second", Y: "ms", LogX: true}
	least := fewestConnections(files)
	for i := range files {
		for j := range files[i].Results {
			r := &files[i].Results[j]
			held, _ := r.Get(FigConnections)
			switch files[i].Scenario {
			case "idle":
				if r.Subject != SubjectRejoin {
					continue
				}
				name := r.setting("dialect")
				memory.take(name, held, r, FigRSSPerConnection)
				idle.take(name, held, r, FigIdleCPU)
				idle.take(name+", Redis", held, r, "redis_"+FigIdleCPU)
			case "relay":
				if r.Subject == SubjectRejoin {
					at := " at " + r.setting("rate") + "/s"
					connections.take("servers"+at, held, r, FigServerCPU)
					connections.take("Redis"+at, held, r, FigRedisCPU)
				}
				if perSecond, ok := r.Get(FigRate); ok && held == least {
					rate.take(r.kind()+", servers", perSecond, r, FigServerCPU)
					rate.take(r.kind()+", Redis", perSecond, r, FigRedisCPU)
					latency.takeLatency(r, perSecond)
				}
			}
		}
	}
	all := map[string]*Plot{
		"memory-connections.svg": memory, "idle-connections.svg": idle, "cost-connections.svg": connections, "cost-rate.svg": rate,
		"latency-rate.svg": latency,
	}
	for name, p := range all {
		if !p.tidy() {
			delete(all, name)
		}
	}
	return all
}

// fewestConnections is how many the relay runs have that are about the rate.
func fewestConnections(files []File) (least float64) {
	for i := range files {
		for j := range files[i].Results {
			n, ok := files[i].Results[j].Get(FigConnections)
			if files[i].Scenario == "relay" && ok && (least == 0 || n < least) {
				least = n
			}
		}
	}
	return least
}

// kind tells apart what is compared.
func (r *Result) kind() string {
	if r.Subject == SubjectRejoin && r.setting("dialect") != "plain" {
		return r.setting("dialect")
	}
	return r.Subject
}

func (r *Result) setting(name string) string {
	for _, s := range r.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// take adds a figure of a result to a series.
func (p *Plot) take(series string, x float64, r *Result, figure string) {
	if y, ok := r.Get(figure); ok && x > 0 {
		p.add(series, Point{x, y})
	}
}

func (p *Plot) takeLatency(r *Result, perSecond float64) {
	if l := r.Latency(LatOneWay); l != nil && r.setting("rate") != "max" {
		p.add(r.kind()+", p50", Point{perSecond, l.P50 / 1e3})
		p.add(r.kind()+", p99", Point{perSecond, l.P99 / 1e3})
	}
}

// add adds a point; a later measurement of the same replaces an earlier one.
func (p *Plot) add(series string, q Point) {
	i := 0
	for i < len(p.Series) && p.Series[i].Name != series {
		i++
	}
	if i == len(p.Series) {
		p.Series = append(p.Series, Series{Name: series, Dashed: i%2 == 1})
	}
	s := &p.Series[i]
	for j := range s.Points {
		if s.Points[j].X == q.X {
			s.Points[j] = q
			return
		}
	}
	s.Points = append(s.Points, q)
}

// tidy sorts the points, and reports whether anything can be seen: a series of at least two.
func (p *Plot) tidy() bool {
	seen := false
	for _, s := range p.Series {
		sort.Slice(s.Points, func(i, j int) bool { return s.Points[i].X < s.Points[j].X })
		seen = seen || len(s.Points) > 1
	}
	return seen
}
