package report

import (
	"fmt"
	"slices"
)

// spread is a median with the least and the largest.
type spread struct{ median, min, max float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{median: (sorted[(n-1)/2] + sorted[n/2]) / 2, min: sorted[0], max: sorted[n-1]}
}

func (s spread) format(verb string) string {
	if s.min == s.max {
		return fmt.Sprintf(verb, s.median)
	}
	return fmt.Sprintf(verb+" ("+verb+" .. "+verb+")", s.median, s.min, s.max)
}

// values are one figure of all runs.
func (w Way) values(figure func(Run) float64) []float64 {
	var all []float64
	for _, r := range w.Runs {
		all = append(all, figure(r))
	}
	return all
}

func (w Way) spread(figure func(Run) float64) spread { return spreadOf(w.values(figure)) }

// ratio divides round by round: what else the machine does is much the same for both then.
func ratio(a, b Way, figure func(Run) float64) spread {
	over, under := a.values(figure), b.values(figure)
	var ratios []float64
	for i := range min(len(over), len(under)) {
		if under[i] > 0 {
			ratios = append(ratios, over[i]/under[i])
		}
	}
	return spreadOf(ratios)
}

// Figures of a run.
func wall(r Run) float64      { return r.Seconds }
func cpu(r Run) float64       { return r.CPU }
func objects(r Run) float64   { return float64(r.Objects) }
func layers(r Run) float64    { return float64(r.Layers) }
func sent(r Run) float64      { return float64(r.Bytes) / 1e6 }
func pulled(r Run) float64    { return float64(r.Pulled) / 1e6 }
func memory(r Run) float64    { return float64(r.Memory) / 1e6 }
func frontends(r Run) float64 { return float64(r.Frontends) / 1e6 }
func daemons(r Run) float64   { return float64(r.Daemons) / 1e6 }
func once(r Run) float64      { return float64(r.Bytes) / float64(max(r.Distinct, 1)) }
