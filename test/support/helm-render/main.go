// Renders the templates of a chart as Helm does: text/template with sprig's functions and Helm's own, which are written here after
// what Helm documents of them. Reads a request from standard input and writes one JSON object: the path of each template with what it
// makes, or an error. Values come complete, since merging and validating them is the caller's.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// Request is what to render, and for which release.
type Request struct {
	Chart       string                 `json:"chart"`
	Values      map[string]interface{} `json:"values"`
	Release     Release                `json:"release"`
	KubeVersion string                 `json:"kubeVersion"`
	APIVersions []string               `json:"apiVersions"`
}

// Release has the fields that templates see.
type Release struct {
	Name      string
	Namespace string
	Service   string
	IsInstall bool
	IsUpgrade bool
	Revision  int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var request Request
	// Numbers become float64, as Helm's do: templates have to convert them.
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	chart, err := loadChart(request.Chart)
	if err != nil {
		return err
	}
	rendered, err := render(chart, request)
	if err != nil {
		return err
	}
	for name, text := range rendered {
		if strings.TrimSpace(text) == "" {
			delete(rendered, name)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(rendered)
}
