package report

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// jitterRow is one server under connections that are cut again and again.
type jitterRow struct {
	Published
	theirs    bool
	clients   string
	result    *Result  // nil: published
	reconnect *Latency // nil: not known
}

// jitterEvents are the words for what happened in the middle.
var jitterEvents = map[string]string{"none": "", "kill": ", an instance is killed", "deploy": ", a rolling deploy"}

// jitterRows are those of the latest run, in its order. most are only those of the largest number of clients, of Rejoin.
func jitterRows(files []File, most bool) (rows []jitterRow) {
	var last *File
	for i := range files {
		if files[i].Scenario == "jitter" {
			last = &files[i]
		}
	}
	if last == nil {
		return nil
	}
	largest := 0.0
	for i := range last.Results {
		n, _ := last.Results[i].Get(FigConnections)
		largest = max(largest, n)
	}
	for i := range last.Results {
		r := &last.Results[i]
		l := r.Latency(LatWritten)
		n, _ := r.Get(FigConnections)
		if l == nil || most && (n < largest || r.Subject != SubjectRejoin) {
			continue
		}
		row := jitterRow{result: r, clients: thousands(n), reconnect: r.Latency(LatReconnect)}
		row.Name = "Rejoin"
		if r.Subject != SubjectRejoin {
			row.Name = map[string]string{SubjectSocketIO: "Socket.IO with state recovery", SubjectCentrifugo: "Centrifugo with recovery"}[r.Subject]
		} else if p := r.setting("protocol"); p != "rejoin.v1" {
			row.Name += map[string]string{"plain-wallet": ", plain wallets"}[p]
		}
		row.Name += jitterEvents[r.setting("event")]
		row.Delivered, _ = r.Get(FigDelivered)
		row.P50, row.P95, row.P99, row.Worst = l.P50/1e3, l.P95/1e3, l.P99/1e3, l.Max/1e3
		rows = append(rows, row)
	}
	return rows
}

// published are the rows of others.
func published() (rows []jitterRow) {
	for _, p := range PublishedJitter {
		rows = append(rows, jitterRow{Published: p, theirs: true, clients: "10,000"})
	}
	return rows
}

// JitterShort is the table for the README's first screen; empty without a run.
func JitterShort(files []File) string {
	ours := jitterRows(files, true)
	if len(ours) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| 10,000 clients, each cut every 15 s, 2 s offline | delivered | twice · out of order | p50 · p95 · p99, ms |\n|---|---:|---:|---:|\n")
	for _, r := range append(ours, published()...) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.label(), percent(r.Delivered), r.order(), join(r.P50, r.P95, r.P99))
	}
	b.WriteString("\nLatency counts from sent to received, offline time included. In italics: what AnyCable has published, measured on 32 vCPUs. Rejoin was\n" +
		"measured on two cores, load and Redis included, with `./scripts/bench jitter`. [More about it](docs/performance.md#connections-that-break), with Socket.IO and\n" +
		"Centrifugo side by side.\n\n![Latency and delivery while connections are cut](docs/performance/jitter-delivery.svg)\n")
	return b.String()
}

// JitterTable is the whole table; empty without a run.
func JitterTable(files []File) string {
	ours := jitterRows(files, false)
	if len(ours) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| | clients | messages | delivered | lost | twice · out of order | not resumed | p50 · p95 · p99 · max, ms | from the reconnect | processors: servers · Redis |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range append(ours, published()...) {
		messages, lost, broken, reconnect, used := "1,200,000", "", "", "", ""
		if !r.theirs {
			get := func(name string) float64 { v, _ := r.result.Get(name); return v }
			messages, lost = thousands(float64(r.result.Tally.Sent)), thousands(float64(r.result.Lost))
			broken = thousands(get("not_resumed")) + " of " + thousands(get("not_resumed")+get("resumed"))
			used = fmt.Sprintf("%.2f · %.2f", get("server_processors"), get("redis_processors"))
			if l := r.reconnect; l != nil {
				reconnect = join(l.P50/1e3, l.P95/1e3, l.P99/1e3, l.Max/1e3)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.label(), r.clients, messages, percent(r.Delivered), lost, r.order(), broken,
			join(r.P50, r.P95, r.P99, r.Worst), reconnect, used)
	}
	b.WriteString("\n![Latency and delivery while connections are cut](performance/jitter-delivery.svg)\n")
	return b.String()
}

func (r *jitterRow) label() string {
	if r.theirs {
		return "*" + r.Name + "*"
	}
	return r.Name
}

func (r *jitterRow) order() string {
	if r.theirs {
		return "not said"
	}
	return fmt.Sprintf("%d · %d", r.result.Tally.Duplicated, r.result.Tally.Disordered)
}

// percent shows 100 only for all.
func percent(v float64) string {
	if v == 100 {
		return "**100 %**"
	}
	return strconv.FormatFloat(min(v, 99.99), 'f', 2, 64) + " %"
}

// join shows milliseconds.
func join(ms ...float64) string {
	parts := make([]string, len(ms))
	for i, v := range ms {
		switch {
		case v < 10:
			parts[i] = strconv.FormatFloat(v, 'f', 1, 64)
		default:
			parts[i] = thousands(v)
		}
	}
	return strings.Join(parts, " · ")
}

// thousands shows a whole number as 12,345.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// jitterPicture draws p50 to p99 of each row on a logarithmic scale, with what was delivered; empty without a run.
func jitterPicture(files []File) string {
	rows := append(jitterRows(files, true), published()...)
	if len(rows) == len(PublishedJitter) {
		return ""
	}
	const rowHeight, head, foot = 34, 40, 46
	title := "10,000 clients, each cut every 15 s and offline for 2 s"
	c := vgsvg.NewWith(vgsvg.UseWH(plotWidth, vg.Length(head+foot+rowHeight*len(rows))))
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	g := newPlot("", "milliseconds from sent to received, offline time included: p50, p95, p99", "")
	g.X.Min, g.X.Max, g.X.Scale, g.X.Tick.Marker = 1, 20_000, plot.LogScale{}, ticks{log: true}
	g.Y.Min, g.Y.Max = -float64(len(rows))+0.5, 0.5
	g.Y.LineStyle.Width, g.Y.Tick.LineStyle.Width, g.Y.Tick.Length = 0, 0, 0
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = nil, gridColor
	g.Add(grid)
	var names plot.ConstantTicks
	for i, r := range rows {
		paint := palette[0]
		if r.theirs {
			paint = palette[1]
		}
		y := -float64(i)
		names = append(names, plot.Tick{Value: y, Label: r.Name})
		g.Add(ladder(plotter.XYs{{X: max(r.P50, 1), Y: y}, {X: r.P95, Y: y}, {X: r.P99, Y: y}}, paint)...)
	}
	g.Y.Tick.Marker = names
	style := g.Title.TextStyle
	style.XAlign, style.YAlign = text.XLeft, text.YTop
	all.FillText(style, vg.Point{X: 16, Y: all.Max.Y - 8}, title)
	for i, who := range []string{"measured here", "published by AnyCable"} {
		key := g.X.Tick.Label
		key.XAlign, key.YAlign, key.Color = text.XLeft, text.YTop, palette[i]
		all.FillText(key, vg.Point{X: 500 + vg.Length(i)*110, Y: all.Max.Y - 10}, who)
	}
	area := draw.Crop(all, 8, -120, 6, -head)
	g.Draw(area)
	data := g.DataCanvas(area)
	label := g.X.Tick.Label
	label.XAlign, label.YAlign = text.XLeft, text.YCenter
	for i, r := range rows {
		what := strings.Trim(percent(r.Delivered), "*") + " delivered"
		all.FillText(label, vg.Point{X: data.Max.X + 10, Y: data.Y(g.Y.Norm(-float64(i))) + 2}, what)
	}
	return svgOf(c, title)
}

// ladder is a line with a dot on each of its points, the first one filled.
func ladder(points plotter.XYs, paint color.Color) []plot.Plotter {
	line := &plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: paint, Width: 2}}
	dots := &plotter.Scatter{XYs: points, GlyphStyleFunc: func(i int) draw.GlyphStyle {
		return draw.GlyphStyle{Color: paint, Radius: vg.Length(5 - i), Shape: draw.CircleGlyph{}}
	}}
	return []plot.Plotter{line, dots}
}
