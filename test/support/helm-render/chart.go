package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// Chart is a folder as templates see it.
type Chart struct {
	Metadata  map[string]interface{}
	Templates map[string]string
	Files     Files
}

// Files are those that are no templates, by their path in the chart.
type Files map[string][]byte

// Get answers the text of a file; nothing for one that is not there, as in Helm.
func (files Files) Get(name string) string { return string(files[name]) }

// GetBytes is Get for what is no text.
func (files Files) GetBytes(name string) []byte { return files[name] }

// Glob answers the files whose path matches.
func (files Files) Glob(pattern string) Files {
	found := Files{}
	for name, data := range files {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			found[name] = data
		}
	}
	return found
}

// Lines answers a file line by line.
func (files Files) Lines(name string) []string { return strings.Split(string(files[name]), "\n") }

// What Helm does not show to templates as a file.
var own = map[string]bool{"Chart.yaml": true, "values.yaml": true, "values.schema.json": true, ".helmignore": true}

func loadChart(root string) (*Chart, error) {
	chart := &Chart{Templates: map[string]string{}, Files: Files{}}
	err := filepath.Walk(root, func(file string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case name == "Chart.yaml":
			return yaml.Unmarshal(data, &chart.Metadata)
		case strings.HasPrefix(name, "templates/"):
			chart.Templates[name] = string(data)
		case !own[name]:
			chart.Files[name] = data
		}
		return nil
	})
	return chart, err
}

// forTemplates has the metadata under the names of Helm's own type.
func (chart *Chart) forTemplates() map[string]interface{} {
	fields := map[string]interface{}{"IsRoot": true}
	for key, value := range chart.Metadata {
		fields[strings.ToUpper(key[:1])+key[1:]] = value
	}
	return fields
}
