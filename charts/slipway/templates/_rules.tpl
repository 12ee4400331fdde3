{{/* What belongs to namespaces: given in those that are watched, or in all. */}}
{{- define "slipway.namespacedRules" -}}
# What it drives, and what deployments refer to.
- apiGroups: [slipway.dev]
  resources: [runtimedeployments, approvals]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get, list, watch]
# The finalizers that hold a deployment until everything outside is gone.
- apiGroups: [slipway.dev]
  resources: [runtimedeployments]
  verbs: [patch]
- apiGroups: [slipway.dev]
  resources: [runtimedeployments/status, approvals/status]
  verbs: [patch]
# An Approval is owned by its deployment and holds up its removal, which some clusters let only those write who may change
# its finalizers.
- apiGroups: [slipway.dev]
  resources: [runtimedeployments/finalizers]
  verbs: [update]
# It asks, and clears away what is over. Deciding is for people: it may not change what it has asked.
- apiGroups: [slipway.dev]
  resources: [approvals]
  verbs: [create, delete]
{{- end }}

{{/* What belongs to none. */}}
{{- define "slipway.clusterRules" -}}
- apiGroups: [slipway.dev]
  resources: [runtimebackends, guardrailprofiles, approvalpolicies, mcpgateways]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
# The finalizers that hold an external gateway until nothing of ours is registered there.
- apiGroups: [slipway.dev]
  resources: [mcpgateways]
  verbs: [patch]
- apiGroups: [slipway.dev]
  resources: [runtimebackends/status, guardrailprofiles/status, approvalpolicies/status, mcpgateways/status]
  verbs: [patch]
# The profiles that ship with it, and no other: it installs and repairs them by server-side apply, whose create has a name.
- apiGroups: [slipway.dev]
  resources: [guardrailprofiles]
  resourceNames: [unrestricted, standard, restricted, airgapped]
  verbs: [create, patch]
# Events of objects without namespace are in `default`, so this is for all.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# The gateway listener asks whose token it was given, and what that user may do.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- if not .Values.webhooks.certManager.enabled }}
# Its CA goes into the webhooks that it serves, and nothing else of them is its own.
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [slipway-guardrails]
  verbs: [get, patch]
{{- end }}
{{- range $plural, $list := dict "runtimebackends" .Values.backends "guardrailprofiles" .Values.guardrailProfiles "approvalpolicies" .Values.approvalPolicies }}
{{- if $list }}
# What the values declare, and no other.
- apiGroups: [slipway.dev]
  resources: [{{ $plural }}]
  resourceNames:
    {{- range $list }}
    - {{ .name | quote }}
    {{- end }}
  verbs: [create, patch]
{{- end }}
{{- end }}
{{- end }}
