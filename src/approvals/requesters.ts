import type { KubeObject } from "../api/meta.ts";
import { REQUEST_ANNOTATION, REQUESTERS_ANNOTATION } from "../api/v1alpha1/index.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { isJsonObject, jsonEqual, member } from "../machinery/json-equal.ts";
import { ownDigest } from "./own-digest.ts";
import { API_SERVER_USER, UNKNOWN_REQUESTER } from "./people.ts";
import type { StampKeys } from "./stamp-keys.ts";
import { isStampOf, stampOf } from "./stamps.ts";

export { ownDigest } from "./own-digest.ts";

/** Who writes, as the API server has authenticated them. */
export interface Person {
  readonly username: string;
  readonly groups: readonly string[];
}

/** Somebody who changed what an approval can be about. */
export interface RequesterEntry {
  readonly user: string;
  readonly groups: readonly string[];
  /** When, RFC 3339. */
  readonly at: string;
  /** `ownDigest` of the object after the write. */
  readonly digest: string;
}

export interface Requesters {
  /** In the order of their writes, the newest last. Empty where nothing of them is authentic. */
  readonly entries: readonly RequesterEntry[];
  /** Why the object was written past admission, with what to do, for people. */
  readonly problem: string | undefined;
}

export interface Writing {
  readonly user: Person;
  readonly now: Date;
  readonly keys: StampKeys;
}

/** How many writes are remembered, as long as that forgets nobody. */
const MAX_WRITES = 16;
/** How many people are; the oldest become somebody unknown. */
const MAX_ENTRIES = 64;
/** All annotations of an object together have 256 KiB. */
const MAX_LENGTH = 64 * 1024;
const MAX_GROUPS = 32;
/** How long a stamp without a UID counts: it was made before the object had one. */
const CREATION_MS = 5 * 60_000;

/**
 * The annotation to store: what is stored already where the write leaves `ownDigest` alone, and that with one entry more
 * where it does not. Whatever was written past admission before becomes the work of somebody unknown.
 */
export function stampRequester(object: KubeObject, oldObject: KubeObject | undefined, writing: Writing) {
  const entries = entriesAfter(object, oldObject, writing);
  if (entries === undefined) return oldObject && annotationOf(oldObject);
  // The names of an object that exists are the server's; what a client sends for them is checked later.
  return JSON.stringify({
    entries,
    mac: stampOf("requesters", statementOf(oldObject ?? nascent(object), entries), writing.keys),
  });
}

/** Whether the object carries just what `stampRequester` has stamped for this write, at most five minutes before `now`. */
export function isStampedFor(object: KubeObject, oldObject: KubeObject | undefined, writing: Writing): boolean {
  const stored = annotationOf(object);
  if (oldObject && entriesAfter(object, oldObject, writing) === undefined) return stored === annotationOf(oldObject);
  const found = authentic(object, writing.keys);
  const at = new Date(found?.at(-1)?.at ?? Number.NaN);
  if (!found || !(Math.abs(writing.now.getTime() - at.getTime()) <= CREATION_MS)) return false;
  return jsonEqual(found, entriesAfter(object, oldObject, { ...writing, now: at }));
}

/** Pure. Who wrote what the object says, as far as that is authentic. */
export function readRequesters(object: KubeObject, keys: StampKeys | undefined): Requesters {
  // What ships with a release is nobody's write.
  if (isShipped(object)) return { entries: [], problem: undefined };
  const remedy = `to ask for it as it stands, give it another value of the annotation ${REQUEST_ANNOTATION}`;
  const what = `${object.kind} ${JSON.stringify(object.metadata.name)}`;
  if (!keys) return { entries: [], problem: "the key of the stamps is missing" };
  const entries = authentic(object, keys);
  if (!entries) return { entries: [], problem: `${what} has no authentic list of requesters; ${remedy}` };
  if (entries.at(-1)?.digest === ownDigest(object)) return { entries, problem: undefined };
  return { entries, problem: `${what} was changed without admission being asked; ${remedy}` };
}

/**
 * Those whose writes lead from the version of that digest to the newest: the entries behind the last one that has it. All
 * of them where there is none.
 */
export function requestersSince(entries: readonly RequesterEntry[], approvedDigest: string | undefined) {
  const since = entries.slice(entries.findLastIndex(({ digest }) => digest === approvedDigest) + 1);
  return since.filter(({ user }) => user !== API_SERVER_USER);
}

/** Undefined where the write changes nothing that counts. */
function entriesAfter(object: KubeObject, oldObject: KubeObject | undefined, { user, now, keys }: Writing) {
  const digest = ownDigest(object);
  const at = now.toISOString();
  const before: RequesterEntry[] = [];
  if (oldObject) {
    const oldDigest = ownDigest(oldObject);
    if (oldDigest === digest) return undefined;
    before.push(...(authentic(oldObject, keys) ?? []));
    if (before.at(-1)?.digest !== oldDigest && !isShipped(oldObject))
      before.push({ user: UNKNOWN_REQUESTER, groups: [], at, digest: oldDigest });
  }
  return compact([...before, { user: user.username, groups: user.groups.slice(0, MAX_GROUPS), at, digest }]);
}

/** Forgets older writes of people who have newer ones, then who the first ones were; the newest entry stays. */
function compact(all: readonly RequesterEntry[]): readonly RequesterEntry[] {
  const entries = [...all];
  while (entries.length > MAX_WRITES || JSON.stringify(entries).length > MAX_LENGTH) {
    const repeated = entries.findIndex(({ user }, index) =>
      entries.some((each, at) => at > index && each.user === user),
    );
    if (repeated >= 0) entries.splice(repeated, 1);
    else if (entries.length > MAX_ENTRIES || (JSON.stringify(entries).length > MAX_LENGTH && entries.length > 2)) {
      const { at = "", digest = "" } = entries[1] ?? {};
      entries.splice(0, 2, { user: UNKNOWN_REQUESTER, groups: [], at, digest });
    } else break;
  }
  return entries;
}

/** Undefined where the list is absent, or not what admission wrote for this object. */
function authentic(object: KubeObject, keys: StampKeys): readonly RequesterEntry[] | undefined {
  const { entries, mac } = parsed(annotationOf(object)) ?? {};
  if (!Array.isArray(entries) || typeof mac !== "string") return undefined;
  const found: readonly RequesterEntry[] = entries;
  if (isStampOf(mac, "requesters", statementOf(object, found), keys)) return found;
  const { name, generateName, creationTimestamp } = object.metadata;
  const age = Math.abs(Date.parse(found[0]?.at ?? "") - Date.parse(creationTimestamp));
  if (found.length !== 1 || !(age <= CREATION_MS)) return undefined;
  const isMadeBy = (names: { name: string; generateName?: string }) =>
    isStampOf(
      mac,
      "requesters",
      statementOf(nascent({ ...object, metadata: { ...object.metadata, ...names } }), found),
      keys,
    );
  return isMadeBy({ name }) || (generateName && isMadeBy({ name: "", generateName })) ? found : undefined;
}

/** What is known of an object before the server has given it a UID, and a name where it was asked for one. */
function nascent({ kind, metadata }: KubeObject): Named {
  const { namespace, name = "", generateName } = metadata;
  return { kind, metadata: { ...(namespace ? { namespace } : {}), name: name || `${generateName}*`, uid: "" } };
}

interface Named {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid: string };
}

function statementOf(
  { kind, metadata: { namespace = "", name, uid } }: Named,
  entries: readonly RequesterEntry[],
): unknown {
  return { object: { kind, namespace, name, uid }, entries };
}

function parsed(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isJsonObject(value) ? value : undefined;
  } catch {
    // Not JSON: nothing that admission wrote.
    return undefined;
  }
}

/** Admission asks before the schema does, so the annotations may be of any shape. */
function annotationOf({ metadata: { annotations } }: KubeObject): string | undefined {
  const value = isJsonObject(annotations) ? member(annotations, REQUESTERS_ANNOTATION) : undefined;
  return typeof value === "string" ? value : undefined;
}

function isShipped(object: KubeObject): boolean {
  const { name } = object.metadata;
  const spec = member({ ...object }, "spec");
  if (object.kind === "RuntimeBackend") return name === "docker" && isMadeAtStart(spec);
  const shipped = object.kind === "GuardrailProfile" ? builtInProfile(name) : undefined;
  return shipped !== undefined && jsonEqual(shipped.spec, spec);
}

/** The backend that `slipway up` makes for the machine's own Engine, which says nothing but that. */
function isMadeAtStart(spec: unknown): boolean {
  if (!isJsonObject(spec)) return false;
  const { type, default: _, ...others } = spec;
  return type === "docker" && Object.keys(others).length === 0;
}
