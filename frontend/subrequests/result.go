// Package subrequests has what the answers to sub-requests have in common. Each call is a package below this one, as in
// BuildKit.
package subrequests

import (
	"encoding/json"
	"io"
	"strings"

	"lambdabase/internal/printable"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// Result returns an answer as clients expect it: as JSON, and as the text that print makes of the JSON.
func Result(answer any, print func([]byte, io.Writer) error, version string) (*gateway.Result, error) {
	dt, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := print(dt, &text); err != nil {
		return nil, err
	}
	res := gateway.NewResult()
	res.AddMeta("result.json", printable.JSON(dt))
	res.AddMeta("result.txt", []byte(printable.Text(text.String())))
	res.AddMeta("version", []byte(version))
	return res, nil
}
