package recipe

import (
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestARecipeNamesNoFrontendOfItsOwn(t *testing.T) {
	for _, line := range []string{
		"# no directive", "# syntax=docker/dockerfile:1", "#syntax=docker/dockerfile:1.7-labs@sha256:00", "# syntax = reg.example:5000/mirror/dockerfile-upstream",
		"# syntax=reg.example/lambda-frontend:1 layers=chain", "# escape=`", "# check=skip=all",
	} {
		require.NoError(t, checkSyntax("D", []byte(line+"\nFROM scratch\n")), line)
	}
	for _, text := range []string{"# escape=`\n# syntax=evil.example/dockerfile/x:1", "# check=skip=all\n#SYNTAX=evil.example/dockerfile/x:1 a=b"} {
		err := checkSyntax("D", []byte(text+"\nFROM scratch\n"))
		require.EqualError(t, err, `D:2: syntax line names the frontend "evil.example/dockerfile/x:1", which is not run: a recipe has Docker's own, or none`)
		var located *parser.LocationError
		require.True(t, errors.As(err, &located))
		require.Equal(t, 2, located.Locations[0][0].Start.Line)
	}
}
