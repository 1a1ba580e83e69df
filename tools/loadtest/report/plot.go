package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plot is a line plot. Its vertical axis begins at 0 unless it is logarithmic.
type Plot struct {
	Title, X, Y string
	LogX, LogY  bool
	Series      []Series
}

// Panels are plots one below the other.
type Panels []*Plot

// Series is one line, with its points in rising order of X. It is interrupted where two points are further apart than Gap, unless that is 0.
type Series struct {
	Name   string
	Dashed bool
	Gap    float64
	Points []Point
}

// Point is one measurement.
type Point struct{ X, Y float64 }

// Layout.
const (
	plotWidth, plotHeight = 760, 440
	legendColumns         = 3
	legendRow             = 16
	mostDots              = 40 // points of a line that are shown as such
)

// Colours that people with any colour vision tell apart (Okabe and Ito).
var palette = [...]color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 255},
	color.RGBA{0xd5, 0x5e, 0x00, 255},
	color.RGBA{0x00, 0x9e, 0x73, 255},
	color.RGBA{0xcc, 0x79, 0xa7, 255},
	color.RGBA{0xe6, 0x9f, 0x00, 255},
	color.RGBA{0x56, 0xb4, 0xe9, 255},
}

var gridColor = color.RGBA{0xdd, 0xdd, 0xdd, 255}

// SVG draws the plot. The same plot gives the same bytes.
func (p *Plot) SVG() string { return Panels{p}.SVG() }

// SVG draws them.
func (p Panels) SVG() string {
	c := vgsvg.NewWith(vgsvg.UseWH(plotWidth, vg.Length(len(p)*plotHeight)))
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	for i, one := range p {
		top := vg.Length((len(p) - 1 - i) * plotHeight)
		one.draw(draw.Crop(all, 8, -16, top+4, top+plotHeight-all.Max.Y-8))
	}
	return svgOf(c, p[0].Title)
}

// svgOf returns what was drawn. Who lacks the font has one with the same widths.
func svgOf(c *vgsvg.Canvas, title string) string {
	var b bytes.Buffer
	_, _ = c.WriteTo(&b) // a Buffer takes everything
	svg := strings.ReplaceAll(b.String(), "font-family:Liberation Sans", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif")
	return strings.Replace(svg, "<g ", "<title>"+html.EscapeString(title)+"</title>\n<g ", 1)
}

// newPlot is an empty plot in our style.
func newPlot(title, x, y string) *plot.Plot {
	g := plot.New()
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	for _, s := range []*text.Style{&g.Title.TextStyle, &g.X.Label.TextStyle, &g.Y.Label.TextStyle, &g.X.Tick.Label, &g.Y.Tick.Label, &g.Legend.TextStyle} {
		s.Font = font.From(sans, 12)
	}
	g.Title.TextStyle.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans", Weight: xfont.WeightBold}, 15)
	g.Title.Text, g.X.Label.Text, g.Y.Label.Text = title, x, y
	g.X.Padding, g.Y.Padding, g.Title.Padding = 0, 0, 6
	return g
}

// draw draws the plot with its legend between title and axes.
func (p *Plot) draw(c draw.Canvas) {
	g := newPlot("", p.X, p.Y)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = nil, gridColor
	g.Add(grid)
	legends := [legendColumns]plot.Legend{}
	for i := range legends {
		legends[i] = plot.NewLegend()
		legends[i].TextStyle.Font, legends[i].Top, legends[i].Left, legends[i].Padding = g.Legend.TextStyle.Font, true, true, 2
	}
	for i := range p.Series {
		p.Series[i].draw(g, i, p, &legends[i%legendColumns])
	}
	scale(&g.X, p.LogX)
	scale(&g.Y, p.LogY)
	style := g.Title.TextStyle
	style.XAlign, style.YAlign = text.XLeft, text.YTop
	c.FillText(style, vg.Point{X: c.Min.X + 60, Y: c.Max.Y}, p.Title)
	const head = 26
	rows := vg.Length((len(p.Series) + legendColumns - 1) / legendColumns)
	width := (c.Max.X - c.Min.X - 60) / legendColumns
	for i := range legends {
		left := c.Min.X + 60 + vg.Length(i)*width
		legends[i].Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: left, Y: c.Min.Y}, Max: vg.Point{X: left + width, Y: c.Max.Y - head}}})
	}
	g.Draw(draw.Crop(c, 0, 0, 0, -head-rows*legendRow-8))
}

// draw adds the i-th line with its points and its entry in a legend.
func (s *Series) draw(g *plot.Plot, i int, p *Plot, legend *plot.Legend) {
	style := draw.LineStyle{Color: palette[i%len(palette)], Width: 2}
	if s.Dashed {
		style.Dashes = []vg.Length{6, 4}
	}
	legend.Add(s.Name, &plotter.Line{LineStyle: style})
	for _, part := range s.parts() {
		if line, err := plotter.NewLine(p.shown(part)); err == nil {
			line.LineStyle = style
			g.Add(line)
		}
	}
	if len(s.Points) > mostDots {
		return
	}
	if dots, err := plotter.NewScatter(p.shown(s.Points)); err == nil {
		dots.GlyphStyle = draw.GlyphStyle{Color: style.Color, Radius: 3.5, Shape: draw.CircleGlyph{}}
		g.Add(dots)
	}
}

// shown are the points that have a place on the axes.
func (p *Plot) shown(points []Point) (all plotter.XYs) {
	for _, q := range points {
		if (q.X > 0 || !p.LogX) && (q.Y > 0 || !p.LogY) {
			all = append(all, plotter.XY(q))
		}
	}
	return all
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

// scale makes an axis logarithmic, or has it begin at 0.
func scale(a *plot.Axis, log bool) {
	a.Tick.Marker = ticks{log}
	switch {
	case math.IsInf(a.Min, 0): // there are no points
		a.Min, a.Max = 0, 1
		a.Tick.Marker = ticks{}
	case log:
		const room = 1.3
		a.Scale, a.Min, a.Max = plot.LogScale{}, a.Min/room, a.Max*room
	default:
		a.Min, a.Max = 0, max(a.Max*1.02, 1e-9)
	}
}

// ticks are those of an axis at round numbers; of a logarithmic one at 1, 2 and 5 times the powers of ten.
type ticks struct{ log bool }

// Ticks implements plot.Ticker.
func (t ticks) Ticks(from, to float64) (all []plot.Tick) {
	if !t.log {
		const wanted = 7
		step := math.Pow(10, math.Floor(math.Log10((to-from)/wanted)))
		for _, factor := range []float64{1, 2, 5, 10} {
			if (to-from)/(step*factor) <= wanted {
				step *= factor
				break
			}
		}
		for i := 0; from+float64(i)*step <= to; i++ {
			v := from + float64(i)*step
			all = append(all, plot.Tick{Value: v, Label: tickText(v)})
		}
		return all
	}
	for power := math.Pow(10, math.Floor(math.Log10(from))); power <= to; power *= 10 {
		for _, factor := range []float64{1, 2, 5} {
			if v := power * factor; v >= from && v <= to {
				all = append(all, plot.Tick{Value: v, Label: tickText(v)})
			}
		}
	}
	return all
}

// tickText is short: 15,000 is 15k.
func tickText(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.4gk", v/1000)
	}
	return fmt.Sprintf("%.4g", v)
}
