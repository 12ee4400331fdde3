import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments } from "yaml";
import { formatKey, type KubeObject, type ObjectKey } from "../../api/meta.ts";
import type { GroupResource, ObjectReader, ObjectWriter } from "../object-reader.ts";
import type { UserInfo } from "./access.ts";
import { aggregatedRules } from "./aggregation.ts";
import { kubernetesClusterRoleBindings, kubernetesClusterRoles, type Manifest } from "./kubernetes-roles.ts";
import { type Binding, type ClusterRole, rbacGroup } from "./rbac.ts";
import { superuserGroup } from "./rbac-authorizer.ts";
import { type ReconcileMode, reconciledBinding, reconciledRole } from "./reconciliation.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "./stored-rbac.ts";

/** What the server itself writes as: the rules against escalation do not hold it up. */
const installer: UserInfo = { username: "system:apiserver", groups: [superuserGroup] };
const fieldManager = "slipway-bootstrap";

/** The folder of Slipway's own roles, in a checkout and in the built package alike. */
const manifestFolder = new URL("../../../manifests/rbac/", import.meta.url);

/** Slipway's roles and the controller's identity, from the files that a cluster gets too: what others need comes first. */
export async function slipwayAccessManifests(folder: URL = manifestFolder): Promise<Manifest<KubeObject>[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml")).sort();
  const documents = await Promise.all(files.map((file) => readManifests(new URL(file, folder))));
  return documents.flat();
}

async function readManifests(file: URL): Promise<Manifest<KubeObject>[]> {
  return [...parseAllDocuments(await readFile(file, "utf8"))].map((document) => {
    if (document.errors[0]) throw new Error(`${fileURLToPath(file)}: ${document.errors[0].message}`);
    return document.toJS() as Manifest<KubeObject>;
  });
}

/**
 * Brings the stored roles and bindings to what this release needs, as kube-apiserver does at its start: Kubernetes'
 * own are extended, Slipway's replaced. Writes nothing where nothing is missing.
 * @throws {StatusError} when a write is refused; what was written stays, and the next start goes on from there.
 */
export async function bootstrapAccess(objects: { reader: ObjectReader; writer: ObjectWriter }): Promise<void> {
  const kubernetes = [...kubernetesClusterRoles(), ...kubernetesClusterRoleBindings()];
  const slipway = await slipwayAccessManifests();
  const steps = [
    ...kubernetes.map((manifest) => ({ manifest, mode: "Extend" as const })),
    ...slipway.map((manifest) => ({ manifest, mode: "Replace" as const })),
  ];
  const clusterRoles = [...kubernetes, ...slipway].filter(({ kind }) => kind === "ClusterRole");
  aggregateManifests(clusterRoles as Manifest<ClusterRole>[]);
  const isNamespace = ({ manifest }: Step) => manifest.kind === "Namespace";
  // Nothing can be created in a Namespace before it; all else goes at once, so that the store commits it in few groups.
  for (const wave of [steps.filter(isNamespace), steps.filter((step) => !isNamespace(step))]) {
    await Promise.all(wave.map((step) => installOne(objects, step)));
  }
}

interface Step {
  readonly manifest: Manifest<KubeObject>;
  readonly mode: ReconcileMode;
}

/** Fills in the rules that aggregation will give, so that a first start writes each role once. */
function aggregateManifests(manifests: readonly Manifest<ClusterRole>[]): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (const manifest of manifests) {
      const rules = aggregatedRules(manifest, manifests);
      if (!rules || isDeepStrictEqual(rules, manifest.rules)) continue;
      manifest.rules = rules;
      changed = true;
    }
  }
}

async function installOne(
  { reader, writer }: { reader: ObjectReader; writer: ObjectWriter },
  { manifest, mode }: Step,
): Promise<void> {
  const resource = resourceOf(manifest);
  const key: ObjectKey = { namespace: manifest.metadata.namespace ?? "", name: manifest.metadata.name };
  const options = { user: installer, fieldManager };
  const existing = reader.get(resource, key);
  if (!existing) {
    await writer.create(resource, manifest, options);
    return;
  }
  const next = reconciled(existing, manifest, mode);
  if (next === "recreate") {
    await writer.delete(resource, key, { uid: existing.metadata.uid });
    await writer.create(resource, manifest, options);
  } else if (next) {
    await writer.update(resource, key, (current) => asObject(reconciled(current, manifest, mode)), options);
  }
}

function reconciled(existing: KubeObject, wanted: Manifest<KubeObject>, mode: ReconcileMode) {
  switch (wanted.kind) {
    case "Role":
    case "ClusterRole":
      return reconciledRole(existing, wanted as Manifest<ClusterRole>, mode);
    case "RoleBinding":
    case "ClusterRoleBinding":
      return reconciledBinding(existing as Binding, wanted as Manifest<Binding>, mode);
    default:
      // A Namespace or ServiceAccount is whatever its owner made of it.
      return undefined;
  }
}

function asObject(next: KubeObject | "recreate" | undefined): KubeObject | undefined {
  return next === "recreate" ? undefined : next;
}

const resources: Readonly<Record<string, GroupResource>> = {
  "v1/Namespace": { group: "", plural: "namespaces" },
  "v1/ServiceAccount": { group: "", plural: "serviceaccounts" },
  [`${rbacGroup}/v1/Role`]: roles,
  [`${rbacGroup}/v1/ClusterRole`]: clusterRoles,
  [`${rbacGroup}/v1/RoleBinding`]: roleBindings,
  [`${rbacGroup}/v1/ClusterRoleBinding`]: clusterRoleBindings,
};

function resourceOf({ apiVersion, kind, metadata }: Manifest<KubeObject>): GroupResource {
  const resource = resources[`${apiVersion}/${kind}`];
  if (resource) return resource;
  const key = formatKey({ namespace: metadata.namespace ?? "", name: metadata.name });
  throw new Error(`manifests/rbac: ${apiVersion} ${kind} ${key}: only roles, bindings and what they need belong here`);
}
