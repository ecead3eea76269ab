package frontend

import (
	"maps"
	"slices"
	"strings"

	"lambdabase/internal/typo"

	"github.com/moby/buildkit/util/suggest"
	"github.com/pkg/errors"
)

// ParseOptions reads the options out of a request: gateway options and build arguments, which must agree, and below
// them the keys of the "# syntax=" line.
func ParseOptions(raw map[string]string) (Options, error) {
	given, err := collectSettings(raw)
	if err != nil {
		return Options{}, err
	}
	opts := Options{Repository: Upstream, Layers: LayersAuto}
	for _, o := range AllOptions() {
		if v, ok := given[o.Name]; ok {
			if err := o.set(&opts, v.value); err != nil {
				return Options{}, errors.Wrapf(err, "invalid %s", v.source)
			}
		}
	}
	_, opts.repositoryGiven = given["repository"]
	if opts.Runtime == "" && opts.Commit != "" {
		return Options{}, errors.New("option commit goes with option runtime; in a Dockerfile write FROM nodejs20.x:<full commit>")
	}
	if !opts.mirror.IsZero() && opts.ObjectSource.Batch && opts.ObjectSource.Server == "" {
		return Options{}, errors.New("objects=lfs is the batch API of a Git repository, and option repository names a mirror, which has the objects itself: leave out one of them")
	}
	return opts, nil
}

// setting is an option's value and how the user spelled its name.
type setting struct{ value, source string }

func collectSettings(raw map[string]string) (map[string]setting, error) {
	if err := checkNames(raw); err != nil {
		return nil, err
	}
	found, err := parseSyntaxLine(raw[syntaxOption])
	if err != nil {
		return nil, err
	}
	for _, o := range AllOptions() {
		// Empty is not given: that is what an unset variable of bake or CI comes as.
		direct, arg := raw[o.Name], raw["build-arg:"+o.BuildArg()]
		switch {
		case direct != "" && arg != "" && direct != arg:
			return nil, errors.Errorf("option %s and build argument %s disagree: give one", o.Name, o.BuildArg())
		case direct != "":
			found[o.Name] = setting{direct, "option " + o.Name}
		case arg != "":
			found[o.Name] = setting{arg, "build argument " + o.BuildArg()}
		}
	}
	return found, nil
}

// checkNames finds what was meant for us and misspelled. All other options are BuildKit's own business.
func checkNames(raw map[string]string) error {
	names, args := optionNames(), buildArgs()
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		arg, isArg := strings.CutPrefix(key, "build-arg:")
		if isArg && strings.HasPrefix(arg, buildArgPrefix) && !slices.Contains(args, arg) {
			err := errors.Errorf("unknown build argument %s, want one of %s", arg, strings.Join(args, ", "))
			return suggest.WrapError(err, arg, args, true)
		}
		if near := typo.Nearest(key, names); near != "" && !slices.Contains(notTypos, key) {
			return errors.Errorf("unknown option %s (did you mean %s?)", key, near)
		}
	}
	return nil
}

func optionNames() (names []string) {
	for _, o := range AllOptions() {
		names = append(names, o.Name)
	}
	return names
}

func buildArgs() (args []string) {
	for _, o := range AllOptions() {
		args = append(args, o.BuildArg())
	}
	return args
}

// notTypos are names of BuildKit's own that are nearly ours.
var notTypos = []string{"context"}

func parseSyntaxLine(line string) (map[string]setting, error) {
	found := map[string]setting{}
	names := optionNames()
	fields := strings.Fields(line)
	for i, f := range fields {
		if i == 0 { // the frontend's own image
			continue
		}
		name, value, ok := strings.Cut(f, "=")
		if !ok || !slices.Contains(names, name) {
			err := errors.Errorf("unknown key %q in the syntax line, want one of %s", name, strings.Join(names, ", "))
			return nil, suggest.WrapError(err, name, names, true)
		}
		if _, twice := found[name]; twice {
			return nil, errors.Errorf("key %s stands twice in the syntax line", name)
		}
		found[name] = setting{value, "key " + name + " in the syntax line"}
	}
	return found, nil
}
