import type { ResourceDefinition } from "../resource.ts";
import { at, column, count, type Fields, list, pairs, text } from "./cell.ts";
import { AGE_COLUMN, type Cell, type Column } from "./column.ts";
import { age } from "./human-duration.ts";
import { podColumns } from "./pod-columns.ts";

/** The columns of kubectl's tables for built-in kinds; undefined for kinds that show only name and age. */
export function builtInColumns({ group, kind }: ResourceDefinition): readonly Column[] | undefined {
  return COLUMNS.get(`${group}/${kind}`)?.();
}

/** Built-in kinds give the age as text, custom ones as a date. */
const AGE: Column = { ...AGE_COLUMN, definition: { ...AGE_COLUMN.definition, type: "string" } };

const COLUMNS: ReadonlyMap<string, () => readonly Column[]> = new Map([
  ["/Namespace", () => [column("Status", text(".status.phase")), AGE]],
  ["/ConfigMap", () => [column("Data", (object) => count(object, ".data") + count(object, ".binaryData")), AGE]],
  ["/Secret", () => [column("Type", text(".type")), column("Data", (object) => count(object, ".data")), AGE]],
  ["/ServiceAccount", () => [column("Secrets", (object) => count(object, ".secrets")), AGE]],
  ["/Pod", () => podColumns(AGE)],
  ["/Service", serviceColumns],
  ["/Event", () => eventColumns(CORE_EVENT)],
  ["events.k8s.io/Event", () => eventColumns(EVENT)],
  ["apps/Deployment", deploymentColumns],
  ["apps/ReplicaSet", replicaSetColumns],
  ["batch/Job", jobColumns],
  ["networking.k8s.io/Ingress", ingressColumns],
  ["networking.k8s.io/NetworkPolicy", () => [column("Pod-Selector", selectorCell(".spec.podSelector")), AGE]],
  ["coordination.k8s.io/Lease", () => [column("Holder", text(".spec.holderIdentity")), AGE]],
  ["rbac.authorization.k8s.io/Role", createdAt],
  ["rbac.authorization.k8s.io/ClusterRole", createdAt],
  ["rbac.authorization.k8s.io/RoleBinding", bindingColumns],
  ["rbac.authorization.k8s.io/ClusterRoleBinding", bindingColumns],
  ["apiextensions.k8s.io/CustomResourceDefinition", createdAt],
  ["admissionregistration.k8s.io/MutatingWebhookConfiguration", webhookColumns],
  ["admissionregistration.k8s.io/ValidatingWebhookConfiguration", webhookColumns],
]);

function createdAt(): readonly Column[] {
  const definition = { ...AGE_COLUMN.definition, name: "Created At" };
  return [{ definition, cell: text(".metadata.creationTimestamp") }];
}

function webhookColumns(): readonly Column[] {
  return [column("Webhooks", (object) => count(object, ".webhooks")), AGE];
}

function bindingColumns(): readonly Column[] {
  const role: Cell = (object) => `${at(object, ".roleRef.kind") ?? ""}/${at(object, ".roleRef.name") ?? ""}`;
  const subjects =
    (kind: string): Cell =>
    (object) =>
      list<Fields>(object, ".subjects")
        .filter((subject) => subject.kind === kind)
        .map(({ namespace, name }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
        .join(", ");
  return [
    column("Role", role),
    AGE,
    column("Users", subjects("User"), 1),
    column("Groups", subjects("Group"), 1),
    column("ServiceAccounts", subjects("ServiceAccount"), 1),
  ];
}

function selectorCell(path: string): Cell {
  return (object) => {
    const selector = at(object, path) as Fields | undefined;
    const labels = pairs(object, `${path}.matchLabels`);
    const expressions = list<Fields>(object, `${path}.matchExpressions`).map(({ key, operator, values }) => {
      if (operator === "Exists") return key;
      if (operator === "DoesNotExist") return `!${key}`;
      return `${key} ${String(operator).toLowerCase()} (${(values as string[]).join(",")})`;
    });
    const parts = [...(labels === "" ? [] : [labels]), ...expressions];
    return selector === undefined || parts.length === 0 ? "<none>" : parts.join(",");
  };
}

function containerCells(path: string): readonly Column[] {
  const names: Cell = (object) =>
    list<Fields>(object, path)
      .map(({ name }) => name)
      .join(",");
  const images: Cell = (object) =>
    list<Fields>(object, path)
      .map(({ image }) => image ?? "")
      .join(",");
  return [column("Containers", names, 1), column("Images", images, 1)];
}

function deploymentColumns(): readonly Column[] {
  const ready: Cell = (object) => `${at(object, ".status.readyReplicas") ?? 0}/${at(object, ".spec.replicas") ?? 0}`;
  return [
    column("Ready", ready),
    column("Up-to-date", (object) => at(object, ".status.updatedReplicas") ?? 0),
    column("Available", (object) => at(object, ".status.availableReplicas") ?? 0),
    AGE,
    ...containerCells(".spec.template.spec.containers"),
    column("Selector", selectorCell(".spec.selector"), 1),
  ];
}

function replicaSetColumns(): readonly Column[] {
  return [
    column("Desired", (object) => at(object, ".spec.replicas") ?? 0),
    column("Current", (object) => at(object, ".status.replicas") ?? 0),
    column("Ready", (object) => at(object, ".status.readyReplicas") ?? 0),
    AGE,
    ...containerCells(".spec.template.spec.containers"),
    column("Selector", selectorCell(".spec.selector"), 1),
  ];
}

function jobColumns(): readonly Column[] {
  const status: Cell = (object) => {
    const met = (type: string) =>
      list<Fields>(object, ".status.conditions").some(
        (condition) => condition.type === type && condition.status === "True",
      );
    if (met("Complete")) return "Complete";
    if (met("Failed")) return "Failed";
    if (at(object, ".metadata.deletionTimestamp") !== undefined) return "Terminating";
    return met("Suspended") ? "Suspended" : "Running";
  };
  const duration: Cell = (object, now) => {
    const start = at(object, ".status.startTime");
    const end = at(object, ".status.completionTime");
    return start === undefined ? "" : age(start, end === undefined ? now : new Date(String(end)));
  };
  return [
    column("Status", status),
    column(
      "Completions",
      (object) => `${at(object, ".status.succeeded") ?? 0}/${at(object, ".spec.completions") ?? 1}`,
    ),
    column("Duration", duration),
    AGE,
    ...containerCells(".spec.template.spec.containers"),
    column("Selector", selectorCell(".spec.selector"), 1),
  ];
}

function serviceColumns(): readonly Column[] {
  const external: Cell = (object) => {
    const published = list<Fields>(object, ".status.loadBalancer.ingress").map(({ ip, hostname }) => ip ?? hostname);
    const own = list<string>(object, ".spec.externalIPs");
    const type = at(object, ".spec.type");
    if (type === "ExternalName") return at(object, ".spec.externalName") ?? "<none>";
    const all = type === "LoadBalancer" ? [...published, ...own] : own;
    if (all.length > 0) return all.join(",");
    return type === "LoadBalancer" ? "<pending>" : "<none>";
  };
  const ports: Cell = (object) =>
    list<Fields>(object, ".spec.ports")
      .map(
        ({ port, nodePort, protocol }) => `${port}${nodePort === undefined ? "" : `:${nodePort}`}/${protocol ?? "TCP"}`,
      )
      .join(",") || "<none>";
  return [
    column("Type", text(".spec.type")),
    column("Cluster-IP", (object) => at(object, ".spec.clusterIP") || "<none>"),
    column("External-IP", external),
    column("Port(s)", ports),
    AGE,
    column("Selector", (object) => pairs(object, ".spec.selector") || "<none>", 1),
  ];
}

function ingressColumns(): readonly Column[] {
  const hosts: Cell = (object) => {
    const names = list<Fields>(object, ".spec.rules").flatMap(({ host }) => (host ? [host] : []));
    return names.length === 0 ? "*" : names.join(",");
  };
  const address: Cell = (object) =>
    list<Fields>(object, ".status.loadBalancer.ingress")
      .map(({ ip, hostname }) => ip ?? hostname)
      .join(",");
  return [
    column("Class", (object) => at(object, ".spec.ingressClassName") ?? "<none>"),
    column("Hosts", hosts),
    column("Address", address),
    column("Ports", (object) => (list(object, ".spec.tls").length > 0 ? "80, 443" : "80")),
    AGE,
  ];
}

interface EventPaths {
  readonly about: string;
  readonly message: string;
  readonly first: string;
  readonly last: string;
  readonly count: string;
  readonly component: string;
  readonly host: string;
}

const CORE_EVENT: EventPaths = {
  about: ".involvedObject",
  message: ".message",
  first: ".firstTimestamp",
  last: ".lastTimestamp",
  count: ".count",
  component: ".source.component",
  host: ".source.host",
};
const EVENT: EventPaths = {
  about: ".regarding",
  message: ".note",
  first: ".deprecatedFirstTimestamp",
  last: ".deprecatedLastTimestamp",
  count: ".deprecatedCount",
  component: ".deprecatedSource.component",
  host: ".deprecatedSource.host",
};

function eventColumns(paths: EventPaths): readonly Column[] {
  const object: Cell = (event) => {
    const kind = String(at(event, `${paths.about}.kind`) ?? "").toLowerCase();
    return `${kind}/${at(event, `${paths.about}.name`) ?? ""}`;
  };
  const first: Cell = (event, now) => age(at(event, paths.first) ?? at(event, ".eventTime"), now);
  const last: Cell = (event, now) =>
    age(at(event, ".series.lastObservedTime") ?? at(event, paths.last) ?? at(event, ".eventTime"), now);
  const source: Cell = (event) => {
    const component =
      at(event, paths.component) ?? at(event, ".reportingComponent") ?? at(event, ".reportingController");
    return [component ?? "", at(event, paths.host)].filter(Boolean).join(", ");
  };
  return [
    column("Last Seen", last),
    column("Type", text(".type")),
    column("Reason", text(".reason")),
    column("Object", object),
    column("Subobject", (event) => at(event, `${paths.about}.fieldPath`) ?? "", 1),
    column("Source", source, 1),
    column("Message", (event) => String(at(event, paths.message) ?? "").trim()),
    column("First Seen", first, 1),
    column("Count", (event) => at(event, ".series.count") ?? at(event, paths.count) ?? 1, 1),
    column("Name", (event) => at(event, ".metadata.name") ?? "", 1),
  ];
}
