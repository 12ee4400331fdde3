{{/* Where everything is: the identity of the controller is known to admission by this name. */}}
{{- define "slipway.namespace" -}}slipway-system{{- end }}

{{/* Once for every label there is; call with the component, and with labels that come before those of all objects. */}}
{{- define "slipway.labels" -}}
{{ include "slipway.selectorLabels" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: slipway
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with merge dict (.labels | default dict) (.root.Values.commonLabels | default dict) }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A release may be called 1e3. */}}
{{- define "slipway.selectorLabels" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* A file of the chart with the labels of the values beside its own; call with its text. */}}
{{- define "slipway.labelledFile" -}}
{{- $label := "\n    app.kubernetes.io/name: slipway\n" -}}
{{- $labels := $label -}}
{{- with .root.Values.commonLabels -}}
{{- $labels = printf "%s%s\n" $label (toYaml . | indent 4) -}}
{{- end -}}
{{ .text | replace $label $labels | trim }}
{{- end }}

{{/* Of the pods that control, which the pod of the uninstall hook is not. */}}
{{- define "slipway.controllerLabels" -}}
{{ include "slipway.selectorLabels" . }}
app.kubernetes.io/component: controller
{{- end }}

{{- define "slipway.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What the URLs of deployments begin with. */}}
{{- define "slipway.gatewayUrl" -}}
{{- $gateway := .Values.gateway -}}
{{- if $gateway.url -}}
{{ $gateway.url }}
{{- else if and $gateway.ingress.enabled $gateway.ingress.hosts -}}
{{ ternary "http" "https" (empty $gateway.ingress.tls) }}://{{ first $gateway.ingress.hosts }}
{{- else if and $gateway.httpRoute.enabled $gateway.httpRoute.hostnames -}}
https://{{ first $gateway.httpRoute.hostnames }}
{{- else -}}
{{ $port := int $gateway.service.port -}}
http://slipway-gateway.{{ include "slipway.namespace" . }}.svc{{ if ne $port 80 }}:{{ $port }}{{ end }}
{{- end -}}
{{- end }}

{{/* Names in the Host header of clients, a line each. */}}
{{- define "slipway.gatewayHosts" -}}
{{- $names := list "slipway-gateway" -}}
{{- range list "slipway-system" "slipway-system.svc" "slipway-system.svc.cluster.local" -}}
{{- $names = append $names (printf "slipway-gateway.%s" .) -}}
{{- end -}}
{{- with .Values.gateway -}}
{{- if .ingress.enabled }}{{ $names = concat $names .ingress.hosts }}{{ end -}}
{{- if .httpRoute.enabled }}{{ $names = concat $names (.httpRoute.hostnames | default list) }}{{ end -}}
{{- $names = concat $names (.hosts | default list) -}}
{{- end -}}
{{- join "\n" (uniq $names) -}}
{{- end }}

{{/* What values may not say together, before anything is installed. */}}
{{- define "slipway.validate" -}}
{{- $namespace := include "slipway.namespace" . -}}
{{- if ne .Release.Namespace $namespace -}}
{{- fail (printf "Slipway is installed once in a cluster, in namespace %s, not in %s: add --namespace %s --create-namespace" $namespace .Release.Namespace $namespace) -}}
{{- end -}}
{{- if not (or .Values.crds.keep .Values.uninstall.check .Values.uninstall.drain) -}}
{{- fail "crds.keep: without the kinds every deployment goes, and without a controller none can; leave uninstall.check or uninstall.drain on" -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- $replicas := int $.Values.replicas -}}
{{- $stay := int .minAvailable -}}
{{- if kindIs "string" .minAvailable -}}
{{- /* Kubernetes rounds up. */ -}}
{{- $stay = div (add (mul (trimSuffix "%" .minAvailable | int) $replicas) 99) 100 | int -}}
{{- end -}}
{{- if and .enabled (gt $replicas 1) (ge $stay $replicas) -}}
{{- fail (printf "podDisruptionBudget.minAvailable: %d of %d replicas stay, so no node that has one could be drained; leave one less" $stay $replicas) -}}
{{- end -}}
{{- end -}}
{{- with .Values.docker.socket -}}
{{- if and .enabled (gt (int $.Values.replicas) 1) -}}
{{- fail "docker.socket.enabled: a replica on another node has another Docker Engine; set replicas: 1, or reach the Engine over TCP by a RuntimeBackend" -}}
{{- end -}}
{{- if and .enabled (not $.Values.nodeSelector) -}}
{{- fail "docker.socket.enabled: on another node the pod would have another Docker Engine; set nodeSelector, for example to a kubernetes.io/hostname" -}}
{{- end -}}
{{- end -}}
{{- /* Server-side apply, as Helm 4 does it, takes no list that has a name twice. */ -}}
{{- $variables := list "POD_IP" -}}
{{- if .Values.tracing.endpoint -}}
{{- $variables = concat $variables (list "OTEL_EXPORTER_OTLP_ENDPOINT" "OTEL_TRACES_SAMPLER" "OTEL_TRACES_SAMPLER_ARG") -}}
{{- end -}}
{{- range .Values.controller.extraEnv -}}
{{- if has .name $variables -}}
{{- fail (printf "controller.extraEnv: %s would be there twice; the chart sets POD_IP, and with tracing.endpoint the OTEL variables" .name) -}}
{{- end -}}
{{- $variables = append $variables .name -}}
{{- end -}}
{{- $secrets := concat (.Values.docker.credentials | default list) (.Values.codeEngine.credentials | default list) -}}
{{- $declared := dict "backends" .Values.backends "guardrailProfiles" .Values.guardrailProfiles "approvalPolicies" .Values.approvalPolicies -}}
{{- range $what, $list := set $declared "credentials" $secrets -}}
{{- $names := list -}}
{{- range $list -}}
{{- if has .name $names -}}
{{- fail (printf "%s: %s is declared twice" $what .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
{{- range .Values.guardrailProfiles -}}
{{- if has .name (list "unrestricted" "standard" "restricted" "airgapped") -}}
{{- fail (printf "guardrailProfiles: %s is built in, and the controller keeps it as it ships; give yours another name" .name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.gateway -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "gateway.ingress.enabled: set gateway.ingress.hosts, since only known names in the Host header are answered" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- fail "gateway.httpRoute.enabled: set gateway.httpRoute.parentRefs to the Gateway that it belongs to" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not (or .httpRoute.hostnames .url .hosts)) -}}
{{- fail "gateway.httpRoute.enabled: set gateway.httpRoute.hostnames, gateway.url or gateway.hosts, since only known names in the Host header are answered" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Whether anything has to be applied at the start: text, empty for no. */}}
{{- define "slipway.hasDefaults" -}}
{{- if or .Values.backends .Values.guardrailProfiles .Values.approvalPolicies }}yes{{ end -}}
{{- end }}
