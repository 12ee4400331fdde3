package main

import "strings"

// Capabilities are what a cluster can do, as far as charts ask.
type Capabilities struct {
	KubeVersion KubeVersion
	APIVersions APIVersions
	HelmVersion map[string]string
}

// KubeVersion is that of the API server; prints as v1.30.0.
type KubeVersion struct{ Version, Major, Minor string }

func (version KubeVersion) String() string { return version.Version }

// GitVersion is the older name of Version.
func (version KubeVersion) GitVersion() string { return version.Version }

// APIVersions are those served, as group/version or group/version/Kind.
type APIVersions []string

// Has tells whether one of them is served.
func (versions APIVersions) Has(wanted string) bool {
	for _, each := range versions {
		if each == wanted {
			return true
		}
	}
	return false
}

func capabilities(request Request) Capabilities {
	parts := strings.SplitN(strings.TrimPrefix(request.KubeVersion, "v"), ".", 3)
	return Capabilities{
		KubeVersion: KubeVersion{Version: request.KubeVersion, Major: parts[0], Minor: parts[1]},
		APIVersions: request.APIVersions,
		HelmVersion: map[string]string{"Version": "v3.14.0"},
	}
}
