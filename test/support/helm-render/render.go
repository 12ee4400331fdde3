package main

import (
	"fmt"
	"path"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
)

// Helm stops there, too.
const maxIncludes = 1000

func render(chart *Chart, request Request) (map[string]string, error) {
	chartName := fmt.Sprint(chart.Metadata["name"])
	all := template.New("chart").Option("missingkey=zero")
	all.Funcs(functions(all, map[string]int{}))

	names := make([]string, 0, len(chart.Templates))
	for name := range chart.Templates {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if _, err := all.New(path.Join(chartName, name)).Parse(chart.Templates[name]); err != nil {
			return nil, err
		}
	}
	rendered := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		full := path.Join(chartName, name)
		var text strings.Builder
		context := map[string]interface{}{
			"Values":       request.Values,
			"Chart":        chart.forTemplates(),
			"Release":      request.Release,
			"Capabilities": capabilities(request),
			"Files":        chart.Files,
			"Subcharts":    map[string]interface{}{},
			"Template":     map[string]interface{}{"Name": full, "BasePath": path.Join(chartName, "templates")},
		}
		if err := all.ExecuteTemplate(&text, full, context); err != nil {
			return nil, err
		}
		// What is missing prints nothing in Helm.
		rendered[name] = strings.ReplaceAll(text.String(), "<no value>", "")
	}
	return rendered, nil
}

// functions are sprig's without those that read the machine, and Helm's.
func functions(all *template.Template, depth map[string]int) template.FuncMap {
	known := sprig.TxtFuncMap()
	delete(known, "env")
	delete(known, "expandenv")
	for name, function := range texts() {
		known[name] = function
	}
	known["include"] = func(name string, data interface{}) (string, error) {
		if depth[name] > maxIncludes {
			return "", fmt.Errorf("include: %s: includes itself without end", name)
		}
		depth[name]++
		defer func() { depth[name]-- }()
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	known["tpl"] = func(source string, data interface{}) (string, error) {
		clone, err := all.Clone()
		if err != nil {
			return "", err
		}
		clone.Funcs(functions(clone, depth))
		parsed, err := clone.New("tpl").Parse(source)
		if err != nil {
			return "", err
		}
		var text strings.Builder
		err = parsed.Execute(&text, data)
		return strings.ReplaceAll(text.String(), "<no value>", ""), err
	}
	known["required"] = func(message string, value interface{}) (interface{}, error) {
		if text, isText := value.(string); value == nil || isText && text == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	// As `helm template` does, which has no cluster to ask.
	known["lookup"] = func(string, string, string, string) map[string]interface{} { return map[string]interface{}{} }
	known["getHostByName"] = func(string) string { return "" }
	return known
}
