interface KindType {
  /** Name in types.jsonl. */
  readonly type: string;
  readonly description: string;
}

function kind(type: string, description: string): KindType {
  return { type, description };
}

const RBAC = "rbac.authorization.k8s.io/v1";
const ADMISSION = "admissionregistration.k8s.io/v1";
const AUTHENTICATION = "authentication.k8s.io/v1";
const AUTHORIZATION = "authorization.k8s.io/v1";

/** The type of each built-in kind, by `group/version/kind`. */
export const KIND_TYPES: ReadonlyMap<string, KindType> = new Map([
  ["/v1/Namespace", kind("Namespace", "A scope for names and access rights.")],
  ["/v1/Secret", kind("Secret", "Credentials and other bytes that few may read.")],
  ["/v1/ConfigMap", kind("ConfigMap", "Configuration as keys and values.")],
  ["/v1/Event", kind("CoreV1Event", "Something that happened to an object. Kept for a limited time.")],
  ["/v1/ServiceAccount", kind("ServiceAccount", "An identity for programs.")],
  ["/v1/Pod", kind("Pod", "Containers that run together on one node.")],
  ["/v1/Service", kind("Service", "A stable address for a set of pods.")],
  ["events.k8s.io/v1/Event", kind("EventsV1Event", "Something that happened to an object. Kept for a limited time.")],
  ["coordination.k8s.io/v1/Lease", kind("Lease", "A right that one holder has for a time, such as leadership.")],
  ["apps/v1/Deployment", kind("Deployment", "Keeps a number of equal pods running and replaces them on change.")],
  ["apps/v1/ReplicaSet", kind("ReplicaSet", "Keeps a number of equal pods running.")],
  ["batch/v1/Job", kind("Job", "Runs pods until enough of them have succeeded.")],
  ["autoscaling/v1/Scale", kind("Scale", "How many replicas an object has, and how many it should have.")],
  ["networking.k8s.io/v1/Ingress", kind("Ingress", "Leads HTTP requests from outside to services.")],
  ["networking.k8s.io/v1/NetworkPolicy", kind("NetworkPolicy", "Which connections a set of pods may have.")],
  [`${RBAC}/Role`, kind("Role", "Rights within one namespace.")],
  [`${RBAC}/RoleBinding`, kind("RoleBinding", "Grants a role to subjects within one namespace.")],
  [`${RBAC}/ClusterRole`, kind("ClusterRole", "Rights in all namespaces, or to grant in one.")],
  [`${RBAC}/ClusterRoleBinding`, kind("ClusterRoleBinding", "Grants a role to subjects everywhere.")],
  [
    "apiextensions.k8s.io/v1/CustomResourceDefinition",
    kind("CustomResourceDefinition", "Adds a kind to the API, with its schema."),
  ],
  [
    `${ADMISSION}/MutatingWebhookConfiguration`,
    kind("MutatingWebhookConfiguration", "Services that may change objects before they are stored."),
  ],
  [
    `${ADMISSION}/ValidatingWebhookConfiguration`,
    kind("ValidatingWebhookConfiguration", "Services that may refuse objects before they are stored."),
  ],
  [`${AUTHENTICATION}/TokenReview`, kind("TokenReview", "Asks whom a token belongs to.")],
  [`${AUTHENTICATION}/TokenRequest`, kind("AuthenticationV1TokenRequest", "Asks for a token of a service account.")],
  [`${AUTHENTICATION}/SelfSubjectReview`, kind("SelfSubjectReview", "Asks who one is.")],
  [`${AUTHORIZATION}/SubjectAccessReview`, kind("SubjectAccessReview", "Asks whether somebody may do something.")],
  [
    `${AUTHORIZATION}/LocalSubjectAccessReview`,
    kind("LocalSubjectAccessReview", "Asks whether somebody may do something in one namespace."),
  ],
  [`${AUTHORIZATION}/SelfSubjectAccessReview`, kind("SelfSubjectAccessReview", "Asks whether one may do something.")],
  [`${AUTHORIZATION}/SelfSubjectRulesReview`, kind("SelfSubjectRulesReview", "Asks what one may do in a namespace.")],
]);
