import { amend, judge } from "../admission/rules.ts";
import type { Known, Refusal, Write } from "../admission/write.ts";
import type { Namespace } from "../api/core.ts";
import type { KubeObject } from "../api/meta.ts";
import { guardrailProfileSchema } from "../api/v1alpha1/guardrail-profile.schema.ts";
import {
  API_VERSION,
  GROUP,
  type GuardrailProfile,
  guardrailProfiles,
  type RuntimeDeployment,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import { type KindSchema, objectSchema } from "../api/v1alpha1/kind-schema.ts";
import { runtimeDeploymentSchema } from "../api/v1alpha1/runtime-deployment.schema.ts";
import { compileSchema } from "../server/schema/compiled-schema.ts";
import type { Manifest } from "./manifests.ts";
import { UsageError } from "./usage-error.ts";

/** What a file says to check, and what it says beside that about guardrails. Other kinds are left alone. */
export interface CheckFile {
  readonly deployments: readonly Read<RuntimeDeployment>[];
  readonly profiles: readonly Read<GuardrailProfile>[];
  readonly namespaces: readonly Namespace[];
}

/** An object with the defaults that a server would fill in, and what the schema says against it. */
export interface Read<T> {
  /** File and document. */
  readonly origin: string;
  readonly object: T;
  readonly problems: readonly string[];
}

/** @throws {UsageError} where there is no RuntimeDeployment, or one in another namespace than `namespace`. */
export function checkFileOf(
  manifests: readonly Manifest[],
  { namespace, fallback }: { namespace: string | undefined; fallback: string },
): CheckFile {
  const of = (apiVersion: string, kind: string) =>
    manifests.filter(({ object }) => object.apiVersion === apiVersion && object.kind === kind);
  const deployments = of(API_VERSION, runtimeDeployments.kind);
  if (deployments.length === 0) {
    throw new UsageError(`-f: holds no RuntimeDeployment of ${API_VERSION}; name a file that has one`);
  }
  for (const { origin, object } of deployments) {
    const own = object.metadata.namespace;
    if (namespace === undefined || own === undefined || own === namespace) continue;
    throw new UsageError(
      `-n: ${JSON.stringify(namespace)} is not metadata.namespace ${JSON.stringify(own)} of ${origin}; leave one of them out`,
    );
  }
  const readDeployment = reader<RuntimeDeployment>(runtimeDeploymentSchema);
  const readProfile = reader<GuardrailProfile>(guardrailProfileSchema);
  return {
    deployments: deployments.map(({ origin, object }) =>
      readDeployment(origin, {
        ...object,
        metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace ?? fallback },
      }),
    ),
    profiles: of(API_VERSION, guardrailProfiles.kind).map(({ origin, object }) => judged(readProfile(origin, object))),
    namespaces: of("v1", "Namespace").map(({ object }) => object as Namespace),
  };
}

/** By the schema and the code of the embedded server: no right to write is needed, as a dry run would. */
function reader<T extends KubeObject>(kind: KindSchema): (origin: string, object: Manifest["object"]) => Read<T> {
  const schema = compileSchema(objectSchema(kind));
  return (origin, given) => {
    const object = structuredClone(given);
    const unknown = schema.prune(object);
    schema.applyDefaults(object);
    const errors = schema.validate(object);
    return {
      origin,
      object: object as T,
      problems: [
        ...unknown.map((path) => `unknown field ${JSON.stringify(path)}; see 'kubectl explain'`),
        ...errors.map(({ path, message }) => `${path}: ${message}`),
      ],
    };
  };
}

/** As admission would judge it, where the schema has nothing against it. */
function judged(read: Read<GuardrailProfile>): Read<GuardrailProfile> {
  const { object, problems } = read;
  if (problems.length > 0) return read;
  const { name } = object.metadata;
  const write: Write = {
    operation: "CREATE",
    ...{ group: GROUP, resource: guardrailProfiles.plural, subresource: "", namespace: "", name },
    ...{ user: { username: "", groups: [] }, dryRun: true, object, oldObject: undefined },
  };
  const amended = amend(write, NOTHING_KNOWN)?.object ?? object;
  const { refusal } = judge({ ...write, object: amended }, NOTHING_KNOWN);
  return refusal ? { ...read, problems: problemsOf(refusal) } : read;
}

/** A new profile is judged by itself. */
const NOTHING_KNOWN: Known = {
  profile: () => undefined,
  deployment: () => undefined,
  deployments: () => [],
  backends: () => [],
  namespaces: () => [],
  approvalPolicy: () => undefined,
  hasApprovalPolicies: () => false,
  stampKeys: () => undefined,
  now: () => new Date(0),
};

function problemsOf(refusal: Refusal): string[] {
  return refusal.reason === "Invalid"
    ? refusal.problems.map(({ path, message }) => `${path}: ${message}`)
    : [refusal.because];
}
