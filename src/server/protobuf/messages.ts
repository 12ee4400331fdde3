/**
 * The messages that Go clients send as protobuf, by the field numbers of Kubernetes' `generated.proto` files. Only kinds
 * that kubectl and client-go write this way are here; anything else is refused, so that nothing is dropped unseen.
 *
 * A field reads `number name type`. A star marks what is a pointer in Go, where zero and absent differ. `[]T` repeats,
 * `map:T` is a map with string keys. `inline:T` is a struct that Go embeds: its fields stand beside the others in JSON.
 */
const MESSAGES: Readonly<Record<string, string>> = {
  ObjectMeta:
    "1 name string, 2 generateName string, 3 namespace string, 4 selfLink string, 5 uid string, 6 resourceVersion string, 7 generation int, 8 creationTimestamp Time, 9 deletionTimestamp Time, 10 deletionGracePeriodSeconds *int, 11 labels map:string, 12 annotations map:string, 13 ownerReferences []OwnerReference, 14 finalizers []string, 17 managedFields []ManagedFieldsEntry",
  OwnerReference:
    "1 kind string, 3 name string, 4 uid string, 5 apiVersion string, 6 controller *bool, 7 blockOwnerDeletion *bool",
  ManagedFieldsEntry:
    "1 manager string, 2 operation string, 3 apiVersion string, 4 time Time, 6 fieldsType string, 7 fieldsV1 FieldsV1, 8 subresource string",
  LabelSelector: "1 matchLabels map:string, 2 matchExpressions []LabelSelectorRequirement",
  LabelSelectorRequirement: "1 key string, 2 operator string, 3 values []string",
  Condition:
    "1 type string, 2 status string, 3 observedGeneration int, 4 lastTransitionTime Time, 5 reason string, 6 message string",
  DeleteOptions:
    "1 gracePeriodSeconds *int, 2 preconditions Preconditions, 3 orphanDependents *bool, 4 propagationPolicy *string, 5 dryRun []string",
  Preconditions: "1 uid *string, 2 resourceVersion *string",

  ConfigMap: "1 metadata ObjectMeta, 2 data map:string, 3 binaryData map:bytes, 4 immutable *bool",
  Secret: "1 metadata ObjectMeta, 2 data map:bytes, 3 type string, 4 stringData map:string, 5 immutable *bool",
  Namespace: "1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus",
  NamespaceSpec: "1 finalizers []string",
  NamespaceStatus: "1 phase string",
  ServiceAccount:
    "1 metadata ObjectMeta, 2 secrets []ObjectReference, 3 imagePullSecrets []LocalObjectReference, 4 automountServiceAccountToken *bool",
  LocalObjectReference: "1 name string",
  ObjectReference:
    "1 kind string, 2 namespace string, 3 name string, 4 uid string, 5 apiVersion string, 6 resourceVersion string, 7 fieldPath string",
  Event:
    "1 metadata ObjectMeta, 2 involvedObject ObjectReference, 3 reason string, 4 message string, 5 source EventSource, 6 firstTimestamp Time, 7 lastTimestamp Time, 8 count int, 9 type string, 10 eventTime MicroTime, 11 series EventSeries, 12 action string, 13 related ObjectReference, 14 reportingComponent string, 15 reportingInstance string",
  EventSource: "1 component string, 2 host string",
  EventSeries: "1 count int, 2 lastObservedTime MicroTime",
  Lease: "1 metadata ObjectMeta, 2 spec LeaseSpec",
  LeaseSpec:
    "1 holderIdentity *string, 2 leaseDurationSeconds *int, 3 acquireTime MicroTime, 4 renewTime MicroTime, 5 leaseTransitions *int, 6 strategy *string, 7 preferredHolder *string",

  Role: "1 metadata ObjectMeta, 2 rules []PolicyRule",
  ClusterRole: "1 metadata ObjectMeta, 2 rules []PolicyRule, 3 aggregationRule AggregationRule",
  AggregationRule: "1 clusterRoleSelectors []LabelSelector",
  PolicyRule:
    "1 verbs []string, 2 apiGroups []string, 3 resources []string, 4 resourceNames []string, 5 nonResourceURLs []string",
  RoleBinding: "1 metadata ObjectMeta, 2 subjects []Subject, 3 roleRef RoleRef",
  ClusterRoleBinding: "1 metadata ObjectMeta, 2 subjects []Subject, 3 roleRef RoleRef",
  Subject: "1 kind string, 2 apiGroup string, 3 name string, 4 namespace string",
  RoleRef: "1 apiGroup string, 2 kind string, 3 name string",

  MutatingWebhookConfiguration: "1 metadata ObjectMeta, 2 webhooks []MutatingWebhook",
  MutatingWebhook:
    "1 name string, 2 clientConfig WebhookClientConfig, 3 rules []RuleWithOperations, 4 failurePolicy *string, 5 namespaceSelector LabelSelector, 6 sideEffects *string, 7 timeoutSeconds *int, 8 admissionReviewVersions []string, 9 matchPolicy *string, 10 reinvocationPolicy *string, 11 objectSelector LabelSelector, 12 matchConditions []MatchCondition",
  ValidatingWebhookConfiguration: "1 metadata ObjectMeta, 2 webhooks []ValidatingWebhook",
  ValidatingWebhook:
    "1 name string, 2 clientConfig WebhookClientConfig, 3 rules []RuleWithOperations, 4 failurePolicy *string, 5 namespaceSelector LabelSelector, 6 sideEffects *string, 7 timeoutSeconds *int, 8 admissionReviewVersions []string, 9 matchPolicy *string, 10 objectSelector LabelSelector, 11 matchConditions []MatchCondition",
  WebhookClientConfig: "1 service ServiceReference, 2 caBundle bytes, 3 url *string",
  ServiceReference: "1 namespace string, 2 name string, 3 path *string, 4 port *int",
  RuleWithOperations: "1 operations []string, 2 rule inline:Rule",
  Rule: "1 apiGroups []string, 2 apiVersions []string, 3 resources []string, 4 scope *string",
  MatchCondition: "1 name string, 2 expression string",

  TokenRequest: "1 metadata ObjectMeta, 2 spec TokenRequestSpec, 3 status TokenRequestStatus",
  TokenRequestSpec: "1 audiences []string, 3 boundObjectRef BoundObjectReference, 4 expirationSeconds *int",
  TokenRequestStatus: "1 token string, 2 expirationTimestamp Time",
  BoundObjectReference: "1 kind string, 2 apiVersion string, 3 name string, 4 uid string",
  TokenReview: "1 metadata ObjectMeta, 2 spec TokenReviewSpec, 3 status TokenReviewStatus",
  TokenReviewStatus: "1 authenticated bool, 2 user UserInfo, 3 error string, 4 audiences []string",
  UserInfo: "1 username string, 2 uid string, 3 groups []string",
  TokenReviewSpec: "1 token string, 2 audiences []string",
  SelfSubjectReview: "1 metadata ObjectMeta, 2 status SelfSubjectReviewStatus",
  SelfSubjectReviewStatus: "1 userInfo UserInfo",
  SelfSubjectAccessReview: "1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec, 3 status AccessReviewStatus",
  SelfSubjectAccessReviewSpec: "1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes",
  SubjectAccessReview: "1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status AccessReviewStatus",
  LocalSubjectAccessReview: "1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status AccessReviewStatus",
  SubjectAccessReviewSpec:
    "1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes, 3 user string, 4 groups []string, 6 uid string",
  ResourceAttributes:
    "1 namespace string, 2 verb string, 3 group string, 4 version string, 5 resource string, 6 subresource string, 7 name string",
  NonResourceAttributes: "1 path string, 2 verb string",
  AccessReviewStatus: "1 allowed bool, 2 reason string, 3 evaluationError string, 4 denied bool",
  SelfSubjectRulesReview: "1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec, 3 status SubjectRulesReviewStatus",
  SelfSubjectRulesReviewSpec: "1 namespace string",
  SubjectRulesReviewStatus: "3 incomplete bool, 4 evaluationError string",
  Empty: "",

  Deployment: "1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status DeploymentStatus",
  DeploymentSpec:
    "1 replicas *int, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy, 5 minReadySeconds int, 6 revisionHistoryLimit *int, 7 paused bool, 9 progressDeadlineSeconds *int",
  DeploymentStrategy: "1 type string",
  DeploymentStatus:
    "1 observedGeneration int, 2 replicas int, 3 updatedReplicas int, 4 availableReplicas int, 5 unavailableReplicas int, 7 readyReplicas int",
  Job: "1 metadata ObjectMeta, 2 spec JobSpec, 3 status Empty",
  JobSpec:
    "1 parallelism *int, 2 completions *int, 3 activeDeadlineSeconds *int, 4 selector LabelSelector, 5 manualSelector *bool, 6 template PodTemplateSpec, 7 backoffLimit *int, 8 ttlSecondsAfterFinished *int",
  PodTemplateSpec: "1 metadata ObjectMeta, 2 spec PodSpec",
  PodSpec:
    "2 containers []Container, 3 restartPolicy string, 4 terminationGracePeriodSeconds *int, 5 activeDeadlineSeconds *int, 6 dnsPolicy string, 7 nodeSelector map:string, 8 serviceAccountName string, 9 serviceAccount string, 10 nodeName string, 11 hostNetwork bool, 12 hostPID bool, 13 hostIPC bool, 15 imagePullSecrets []LocalObjectReference, 16 hostname string, 17 subdomain string, 19 schedulerName string, 20 initContainers []Container, 24 priorityClassName string",
  Container:
    "1 name string, 2 image string, 3 command []string, 4 args []string, 5 workingDir string, 6 ports []ContainerPort, 7 env []EnvVar, 8 resources Empty, 13 terminationMessagePath string, 14 imagePullPolicy string, 16 stdin bool, 17 stdinOnce bool, 18 tty bool, 20 terminationMessagePolicy string",
  ContainerPort: "1 name string, 2 hostPort int, 3 containerPort int, 4 protocol string, 5 hostIP string",
  EnvVar: "1 name string, 2 value string",
};

export type FieldType =
  | { readonly kind: "string" | "bytes" | "int" | "bool" | "Time" | "MicroTime" | "FieldsV1" }
  | { readonly kind: "message"; readonly message: string };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly shape: "one" | "list" | "map" | "inline";
  /** A pointer in Go: zero is written. */
  readonly isPointer: boolean;
}

const parsed = new Map<string, ReadonlyMap<number, Field>>();

/** Fields by number; undefined for a message that is not known. */
export function fieldsOf(message: string): ReadonlyMap<number, Field> | undefined {
  const known = parsed.get(message);
  if (known) return known;
  const text = Object.hasOwn(MESSAGES, message) ? MESSAGES[message] : undefined;
  if (text === undefined) return undefined;
  const fields = new Map<number, Field>();
  for (const part of text.split(", ").filter((piece) => piece !== "")) {
    const [number, name = "", type = ""] = part.split(" ");
    fields.set(Number(number), parseField(name, type));
  }
  parsed.set(message, fields);
  return fields;
}

const SCALARS = new Set(["string", "bytes", "int", "bool", "Time", "MicroTime", "FieldsV1"]);

const SHAPES: Readonly<Record<string, Field["shape"]>> = { "[]": "list", "map:": "map", "inline:": "inline" };

function parseField(name: string, text: string): Field {
  const isPointer = text.startsWith("*");
  const [, prefix = ""] = /^(\[\]|map:|inline:)/.exec(text) ?? [];
  const shape = SHAPES[prefix] ?? "one";
  const kind = text.replace(/^(\*|\[\]|map:|inline:)/, "");
  const type = (SCALARS.has(kind) ? { kind } : { kind: "message", message: kind }) as FieldType;
  return { name, type, shape, isPointer };
}
