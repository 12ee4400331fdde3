package main

import (
	"encoding/json"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// texts are Helm's functions between values and YAML or JSON. Like Helm's they answer errors as values, not by failing.
func texts() template.FuncMap {
	return template.FuncMap{
		"toYaml": func(value interface{}) string {
			data, err := yaml.Marshal(value)
			if err != nil {
				return ""
			}
			return strings.TrimSuffix(string(data), "\n")
		},
		"fromYaml": func(text string) map[string]interface{} {
			value := map[string]interface{}{}
			if err := yaml.Unmarshal([]byte(text), &value); err != nil {
				value["Error"] = err.Error()
			}
			return value
		},
		"fromYamlArray": func(text string) []interface{} {
			value := []interface{}{}
			if err := yaml.Unmarshal([]byte(text), &value); err != nil {
				value = []interface{}{err.Error()}
			}
			return value
		},
		"toJson": func(value interface{}) string {
			data, err := json.Marshal(value)
			if err != nil {
				return ""
			}
			return string(data)
		},
		"fromJson": func(text string) map[string]interface{} {
			value := map[string]interface{}{}
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				value["Error"] = err.Error()
			}
			return value
		},
		"fromJsonArray": func(text string) []interface{} {
			value := []interface{}{}
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				value = []interface{}{err.Error()}
			}
			return value
		},
	}
}
