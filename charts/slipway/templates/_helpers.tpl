{{/* Where everything is: the identity of the controller is known to admission by this name. */}}
{{- define "slipway.namespace" -}}slipway-system{{- end }}

{{/* Once for every label there is; call with the component. */}}
{{- define "slipway.labels" -}}
{{ include "slipway.selectorLabels" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: slipway
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "slipway.selectorLabels" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/instance: {{ .Release.Name }}
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
{{ ternary "https" "http" (gt (len $gateway.ingress.tls) 0) }}://{{ first $gateway.ingress.hosts }}
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
{{- if .httpRoute.enabled }}{{ $names = concat $names .httpRoute.hostnames }}{{ end -}}
{{- $names = concat $names .hosts -}}
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
{{- with .Values.gateway -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "gateway.ingress.enabled: set gateway.ingress.hosts, since only known names in the Host header are answered" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- fail "gateway.httpRoute.enabled: set gateway.httpRoute.parentRefs to the Gateway that it belongs to" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Whether anything has to be applied at the start: text, empty for no. */}}
{{- define "slipway.hasDefaults" -}}
{{- if or .Values.backends .Values.guardrailProfiles .Values.approvalPolicies }}yes{{ end -}}
{{- end }}
