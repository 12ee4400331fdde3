import { pathSegmentErrors } from "../registry/object-name.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import { configMapStrategy } from "./config-map.ts";
import { customResourceDefinitionStrategy } from "./custom-resource-definition.ts";
import { deploymentStrategy, replicaSetStrategy } from "./deployment.ts";
import { coreEventStrategy, eventConversion, eventStrategy } from "./event.ts";
import { jobStrategy } from "./job.ts";
import { type BuiltInKind, serveBuiltIn } from "./kind.ts";
import { leaseStrategy } from "./lease.ts";
import { namespaceStrategy } from "./namespace.ts";
import { ingressStrategy, networkPolicyStrategy } from "./networking.ts";
import { POD_FIELDS, podStrategy } from "./pod.ts";
import { builtInSchema } from "./schemas/index.ts";
import { secretStrategy } from "./secret.ts";
import { serviceStrategy } from "./service.ts";
import { webhookConfigurationStrategy } from "./webhook-configuration.ts";

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1" };
const ADMISSION = { group: "admissionregistration.k8s.io", version: "v1" };
const APPS = { group: "apps", version: "v1" };
const NETWORKING = { group: "networking.k8s.io", version: "v1" };
const CORE = { group: "", version: "v1" };
const STATUS = { status: true };
const SCALE = {
  status: true,
  scale: {
    specReplicasPath: ".spec.replicas",
    statusReplicasPath: ".status.replicas",
    labelSelectorPath: ".status.selector",
  },
};
const ALL = ["all"];

type Described = Omit<BuiltInKind, "schema" | "columns">;

const KINDS: readonly Described[] = [
  {
    ...CORE,
    plural: "namespaces",
    kind: "Namespace",
    namespaced: false,
    shortNames: ["ns"],
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: STATUS,
    selectableFields: ["status.phase"],
    strategy: namespaceStrategy,
  },
  {
    ...CORE,
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
    shortNames: ["cm"],
    strategy: configMapStrategy,
  },
  {
    ...CORE,
    plural: "secrets",
    kind: "Secret",
    namespaced: true,
    selectableFields: ["type"],
    strategy: secretStrategy,
  },
  { ...CORE, plural: "serviceaccounts", kind: "ServiceAccount", namespaced: true, shortNames: ["sa"] },
  {
    ...CORE,
    plural: "events",
    kind: "Event",
    namespaced: true,
    shortNames: ["ev"],
    selectableFields: [
      "involvedObject.kind",
      "involvedObject.namespace",
      "involvedObject.name",
      "involvedObject.uid",
      "involvedObject.apiVersion",
      "involvedObject.resourceVersion",
      "involvedObject.fieldPath",
      "reason",
      "reportingComponent",
      "source",
      "type",
    ],
    strategy: coreEventStrategy,
  },
  {
    group: "events.k8s.io",
    version: "v1",
    plural: "events",
    kind: "Event",
    namespaced: true,
    shortNames: ["ev"],
    selectableFields: [
      "regarding.kind",
      "regarding.namespace",
      "regarding.name",
      "regarding.uid",
      "regarding.apiVersion",
      "regarding.resourceVersion",
      "regarding.fieldPath",
      "reason",
      "reportingController",
      "type",
    ],
    strategy: eventStrategy,
    storedApiVersion: "v1",
    conversion: eventConversion,
  },
  {
    ...CORE,
    strategy: podStrategy,
    selectableFields: POD_FIELDS,
    plural: "pods",
    kind: "Pod",
    namespaced: true,
    shortNames: ["po"],
    categories: ALL,
    subresources: STATUS,
    hasGeneration: true,
  },
  {
    ...CORE,
    strategy: serviceStrategy,
    plural: "services",
    kind: "Service",
    namespaced: true,
    shortNames: ["svc"],
    categories: ALL,
    subresources: STATUS,
  },
  {
    ...APPS,
    strategy: deploymentStrategy,
    plural: "deployments",
    kind: "Deployment",
    namespaced: true,
    shortNames: ["deploy"],
    categories: ALL,
    subresources: SCALE,
    hasGeneration: true,
  },
  {
    ...APPS,
    strategy: replicaSetStrategy,
    plural: "replicasets",
    kind: "ReplicaSet",
    namespaced: true,
    shortNames: ["rs"],
    categories: ALL,
    subresources: SCALE,
    hasGeneration: true,
  },
  {
    group: "batch",
    version: "v1",
    strategy: jobStrategy,
    plural: "jobs",
    kind: "Job",
    namespaced: true,
    categories: ALL,
    subresources: STATUS,
    hasGeneration: true,
  },
  {
    ...NETWORKING,
    strategy: ingressStrategy,
    plural: "ingresses",
    kind: "Ingress",
    namespaced: true,
    shortNames: ["ing"],
    subresources: STATUS,
    hasGeneration: true,
  },
  {
    ...NETWORKING,
    strategy: networkPolicyStrategy,
    plural: "networkpolicies",
    kind: "NetworkPolicy",
    namespaced: true,
    shortNames: ["netpol"],
    hasGeneration: true,
  },
  {
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    kind: "Lease",
    namespaced: true,
    strategy: leaseStrategy,
  },
  {
    ...RBAC,
    plural: "roles",
    kind: "Role",
    namespaced: true,
    strategy: { nameErrors: pathSegmentErrors, createOnUpdate: true },
  },
  {
    ...RBAC,
    plural: "rolebindings",
    kind: "RoleBinding",
    namespaced: true,
    strategy: { nameErrors: pathSegmentErrors, createOnUpdate: true },
  },
  {
    ...RBAC,
    plural: "clusterroles",
    kind: "ClusterRole",
    namespaced: false,
    strategy: { nameErrors: pathSegmentErrors, createOnUpdate: true },
  },
  {
    ...RBAC,
    plural: "clusterrolebindings",
    kind: "ClusterRoleBinding",
    namespaced: false,
    strategy: { nameErrors: pathSegmentErrors, createOnUpdate: true },
  },
  {
    ...ADMISSION,
    plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration",
    namespaced: false,
    categories: ["api-extensions"],
    hasGeneration: true,
    strategy: webhookConfigurationStrategy,
  },
  {
    ...ADMISSION,
    plural: "validatingwebhookconfigurations",
    kind: "ValidatingWebhookConfiguration",
    namespaced: false,
    categories: ["api-extensions"],
    hasGeneration: true,
    strategy: webhookConfigurationStrategy,
  },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    namespaced: false,
    shortNames: ["crd", "crds"],
    categories: ["api-extensions"],
    subresources: STATUS,
    hasGeneration: true,
    strategy: customResourceDefinitionStrategy,
  },
];

/** Every built-in kind that is stored. */
export function builtInKinds(): ServedResource[] {
  return KINDS.map((kind) =>
    serveBuiltIn({ ...kind, schema: builtInSchema(kind.group, kind.version, kind.kind), columns: [] }),
  );
}
