import { createHash } from "node:crypto";
import type { Owner } from "../../backend.ts";
import type { App, Revision } from "../client/resources/apps.ts";
import type { EnvVariable, EnvVariablePrototype } from "../client/resources/container.ts";

/** Who makes objects: one RuntimeBackend of one installation. */
export interface Maker {
  readonly installation: string;
  readonly backend: string;
}

/** All that is ours begins so. There are no labels on Code Engine. */
export const PREFIX = "slipway-";

/** With prefix and hash, and the hash of a part, the longest name is 63: the most that Code Engine takes. */
const NAME_LENGTH = 33;

/**
 * Pure. Name of a deployment's app and of its record: stable, since its endpoint has it, and another for each deployment,
 * RuntimeBackend and installation, so that a lost answer cannot leak a second app. `longest` bounds what is readable in it.
 */
export function appName(
  { installation, backend }: Maker,
  { uid, name }: Pick<Owner, "uid" | "name">,
  longest = NAME_LENGTH,
): string {
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, longest)
    .replace(/^-+|-+$/g, "");
  return `${PREFIX}${readable}${readable === "" ? "" : "-"}${short(installation, backend, uid)}`;
}

/** Pure. Name of a secret or config map that belongs to an app; another for other contents. */
export function partName(app: string, kind: string, hash: string): string {
  return `${app}-${short(kind, hash)}`;
}

/** Pure. Whether an object of this name is the app's, or its record, or a part of it. */
export function belongsTo(name: string, app: string): boolean {
  return name === app || name.startsWith(`${app}-`);
}

function short(...parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 10);
}

/** Names that nothing else may have where marks are. */
export function isMark(name: string): boolean {
  return Object.values<string>(Variable).includes(name);
}

const Variable = {
  ManagedBy: "SLIPWAY_MANAGED_BY",
  Owner: "SLIPWAY_OWNER",
  Hash: "SLIPWAY_SPEC_HASH",
  /** Another for each try, since only a changed template makes a new revision. */
  Attempt: "SLIPWAY_ATTEMPT",
} as const;

export interface Marks {
  readonly owner: Owner;
  readonly hash: string;
  readonly attempt: number;
}

/** Pure. The variables by which an app and each of its revisions, or a build and its run, is known as ours. */
export function marked(maker: Maker, { owner, hash, attempt }: Marks): (EnvVariablePrototype & { type: "literal" })[] {
  const literal = (name: string, value: string) => ({ type: "literal", name, value }) as const;
  return [
    literal(Variable.ManagedBy, managedBy(maker)),
    literal(Variable.Owner, `${owner.uid}/${owner.namespace}/${owner.name}`),
    literal(Variable.Hash, hash),
    literal(Variable.Attempt, String(attempt)),
  ];
}

/** Pure. Undefined for what this maker did not make, or what somebody took the marks from. */
export function marksOf(
  { run_env_variables }: Pick<App | Revision, "run_env_variables">,
  maker: Maker,
): Marks | undefined {
  return marksIn(run_env_variables, maker);
}

/** Pure. As `marksOf`, of any list that can hold `marked`. */
export function marksIn(variables: readonly EnvVariable[], maker: Maker): Marks | undefined {
  const literals = variables.filter(({ type }) => type === "literal");
  const value = (name: string) => literals.find((each) => each.name === name)?.value;
  const [uid, namespace, name] = value(Variable.Owner)?.split("/") ?? [];
  if (value(Variable.ManagedBy) !== managedBy(maker)) return undefined;
  if (uid === undefined || namespace === undefined || name === undefined) return undefined;
  return {
    owner: { uid, namespace, name },
    hash: value(Variable.Hash) ?? "",
    attempt: Number(value(Variable.Attempt) ?? 0),
  };
}

function managedBy({ installation, backend }: Maker): string {
  return `slipway/${installation}/${backend}`;
}
