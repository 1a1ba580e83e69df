package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Plot is a line plot. Its vertical axis begins at 0 unless it is logarithmic.
type Plot struct {
	Title, X, Y string
	LogX, LogY  bool
	Series      []Series
}

// Panels are plots one below the other.
type Panels []*Plot

// SVG draws them.
func (p Panels) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d">`+"\n", plotWidth, len(p)*plotHeight)
	for i, plot := range p {
		fmt.Fprintf(&b, `<svg y="%d" width="%d" height="%d">`+"\n%s</svg>\n", i*plotHeight, plotWidth, plotHeight, plot.SVG())
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// mostDots is how many points of a line are shown as such.
const mostDots = 40

// Series is one line, with its points in rising order of X. It is interrupted where two points are further apart than Gap, unless that is 0.
type Series struct {
	Name   string
	Dashed bool
	Gap    float64
	Points []Point
}

// Point is one measurement.
type Point struct{ X, Y float64 }

// Layout in pixels.
const (
	plotWidth, plotHeight                     = 760, 440
	plotLeft, plotRight, plotTop, plotBottom  = 70, 20, 90, 50
	innerWidth                                = plotWidth - plotLeft - plotRight
	innerHeight                               = plotHeight - plotTop - plotBottom
	ticksWanted                               = 6
	legendWidth                               = 228
	legendRow                                 = 16
	legendsPerRow                             = (plotWidth - plotLeft) / legendWidth
	axisColor, gridColor, textColor, backdrop = "#666", "#ddd", "#222", "#fff"
)

// Colours that people with any colour vision tell apart (Okabe and Ito).
var palette = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"}

// SVG draws the plot. The same plot gives the same bytes.
func (p *Plot) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="%s">`+"\n",
		plotWidth, plotHeight, textColor)
	fmt.Fprintf(&b, `<title>%s</title><rect width="100%%" height="100%%" fill="%s"/>`+"\n", html.EscapeString(p.Title), backdrop)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", plotLeft, html.EscapeString(p.Title))
	x, y := p.axes()
	p.drawAxes(&b, x, y)
	for i, s := range p.Series {
		s.draw(&b, i, x, y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// axis maps values to pixels.
type axis struct {
	from, to float64
	log      bool
	ticks    []float64
}

// at is the place of a value, 0 to 1.
func (a *axis) at(v float64) float64 {
	if a.log {
		return (math.Log(v) - math.Log(a.from)) / (math.Log(a.to) - math.Log(a.from))
	}
	return (v - a.from) / (a.to - a.from)
}

func (p *Plot) axes() (x, y axis) {
	least, most, low, high := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, s := range p.Series {
		for _, q := range s.Points {
			least, most, low, high = min(least, q.X), max(most, q.X), min(low, q.Y), max(high, q.Y)
		}
	}
	y = linear(high)
	if p.LogY && low > 0 && !math.IsInf(low, 1) {
		y = logarithmic(low, high)
	}
	if p.LogX && least > 0 && !math.IsInf(least, 1) {
		return logarithmic(least, most), y
	}
	return linear(most), y
}

// linear is an axis from 0 to a round number that is not below most.
func linear(most float64) axis {
	if most <= 0 {
		most = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most/ticksWanted)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if most/(step*factor) <= ticksWanted {
			step *= factor
			break
		}
	}
	count := int(math.Ceil(most/step - 1e-9))
	a := axis{to: float64(count) * step}
	for i := range count + 1 {
		a.ticks = append(a.ticks, float64(i)*step)
	}
	return a
}

// logarithmic is an axis around the values, with ticks at 1, 2 and 5 times the powers of ten.
func logarithmic(least, most float64) axis {
	a := axis{from: least / 1.3, to: most * 1.3, log: true}
	for power := math.Pow(10, math.Floor(math.Log10(a.from))); power <= a.to; power *= 10 {
		for _, factor := range []float64{1, 2, 5} {
			if v := power * factor; v >= a.from && v <= a.to {
				a.ticks = append(a.ticks, v)
			}
		}
	}
	return a
}

func pixelX(x *axis, v float64) float64 { return plotLeft + x.at(v)*innerWidth }
func pixelY(y *axis, v float64) float64 { return plotTop + (1-y.at(v))*innerHeight }

func (p *Plot) drawAxes(b *strings.Builder, x, y axis) {
	const bottom, right = plotTop + innerHeight, plotLeft + innerWidth
	for _, v := range y.ticks {
		at := pixelY(&y, v)
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/>`, plotLeft, right, at, at, gridColor)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", plotLeft-6, at+4, tickText(v))
	}
	for _, v := range x.ticks {
		at := pixelX(&x, v)
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`, at, at, bottom, bottom+5, axisColor)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, bottom+19, tickText(v))
	}
	fmt.Fprintf(b, `<path d="M%d %dV%dH%d" fill="none" stroke="%s"/>`+"\n", plotLeft, plotTop, bottom, right, axisColor)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", plotLeft+innerWidth/2, plotHeight-10, html.EscapeString(p.X))
	fmt.Fprintf(b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", plotTop+innerHeight/2, html.EscapeString(p.Y))
}

// tickText is short: 15,000 is 15k.
func tickText(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.4gk", v/1000)
	}
	return fmt.Sprintf("%.4g", v)
}

// draw draws the i-th line with its points and its entry in the legend.
func (s *Series) draw(b *strings.Builder, i int, x, y axis) {
	color := palette[i%len(palette)]
	dash := ""
	if s.Dashed {
		dash = ` stroke-dasharray="6 4"`
	}
	for _, part := range s.parts() {
		var line strings.Builder
		for _, p := range part {
			fmt.Fprintf(&line, " %.1f,%.1f", pixelX(&x, p.X), pixelY(&y, p.Y))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", line.String()[1:], color, dash)
	}
	for _, p := range s.Points {
		if len(s.Points) > mostDots {
			break
		}
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s: %s, %s</title></circle>`+"\n",
			pixelX(&x, p.X), pixelY(&y, p.Y), color, html.EscapeString(s.Name), number(p.X), number(p.Y))
	}
	left, top := plotLeft+i%legendsPerRow*legendWidth, 40+i/legendsPerRow*legendRow
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2"%s/>`, left, left+20, top-4, top-4, color, dash)
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", left+26, top, html.EscapeString(s.Name))
}

// parts are the points between interruptions, where there are two or more.
func (s *Series) parts() (parts [][]Point) {
	from := 0
	for i := 1; i <= len(s.Points); i++ {
		if i < len(s.Points) && (s.Gap == 0 || s.Points[i].X-s.Points[i-1].X <= s.Gap) {
			continue
		}
		if i-from > 1 {
			parts = append(parts, s.Points[from:i])
		}
		from = i
	}
	return parts
}
