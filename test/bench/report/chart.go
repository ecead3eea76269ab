package report

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	chartWidth  = 760
	labelWidth  = 300
	valueWidth  = 150
	rowHeight   = 22
	groupHeight = 40
	barHeight   = 14
)

// chartStyle has colors for a light and a dark page: an image is asked for the one that the reader's system has.
const chartStyle = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.bar { fill: #8c959f }
.ours { fill: #0969da }
.spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .bar { fill: #6e7681 }
  .ours { fill: #58a6ff }
  .spread { stroke: #e6edf3 }
}
</style>
`

// Chart draws the medians of the groups that are charted, each on a scale of its own, and how far apart the runs were.
func (r Report) Chart() string {
	var body strings.Builder
	y := 0
	for _, g := range r.Groups {
		if g.Charted {
			y = g.draw(&body, y)
		}
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, chartWidth, y, chartWidth, y)
	return head + "\n<title>Seconds that builds take, medians; a line across a bar's end spans all runs</title>\n" + chartStyle + body.String() + "</svg>\n"
}

func (g Group) draw(b *strings.Builder, y int) (next int) {
	fmt.Fprintf(b, `<text class="title" x="0" y="%d">%s</text>`+"\n", y+groupHeight-14, escape(g.Title))
	y += groupHeight
	longest := 0.0
	for _, w := range g.Ways {
		longest = max(longest, w.spread(wall).max)
	}
	for _, w := range g.Ways {
		w.draw(b, y, (chartWidth-labelWidth-valueWidth)/longest)
		y += rowHeight
	}
	return y
}

func (w Way) draw(b *strings.Builder, y int, pixelsPerSecond float64) {
	label, _, _ := strings.Cut(w.Name, ":")
	class := "bar"
	if strings.HasPrefix(w.Name, "lambdabase") {
		class = "bar ours"
	}
	s := w.spread(wall)
	end := func(seconds float64) float64 { return labelWidth + seconds*pixelsPerSecond }
	middle := y + barHeight/2
	fmt.Fprintf(b, `<text x="0" y="%d">%s</text>`, y+barHeight-2, escape(label))
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`, class, labelWidth, y, s.median*pixelsPerSecond, barHeight)
	fmt.Fprintf(b, `<line class="spread" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, end(s.min), middle, end(s.max), middle)
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%.2f s</text>`+"\n", end(s.max)+8, y+barHeight-2, s.median)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder doesn't fail
	return b.String()
}
