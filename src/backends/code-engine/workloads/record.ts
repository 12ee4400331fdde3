import type { Guardrails } from "../../../guardrails/guardrails.ts";
import { labelJson, readGuardrails } from "../../../guardrails/guardrails-json.ts";
import type { Owner } from "../../backend.ts";
import { fromJson } from "../client/json-text.ts";
import type { AppPrototype } from "../client/resources/apps.ts";
import type { ConfigMap } from "../client/resources/config.ts";
import type { Maker } from "./marks.ts";

/** What was asked for at one time. */
export interface Made {
  readonly hash: string;
  /** By which its revision is marked: equal for specs that differ in what makes no revision. Undefined: as `hash`. */
  readonly processHash?: string;
  readonly generation: number;
  readonly image: string;
  /** Undefined where it cannot be read, which counts as unrestricted. */
  readonly guardrails: Guardrails | undefined;
  readonly attempt: number;
  /** Whether its guardrails let nothing in, so that its address is nobody's concern. */
  readonly closed: boolean;
  /** RFC 3339. Code Engine's own times have whole seconds only. */
  readonly startedAt: string | undefined;
  /** Holds references and no secret value. */
  readonly prototype: AppPrototype;
}

/** What is kept of a workload in the config map of its app's name: whose it is, what it was made from, and whether it shall run. */
export interface WorkloadRecord {
  readonly maker: Maker;
  readonly owner: Owner;
  readonly state: "created" | "started" | "stopped";
  /** When it was stopped. */
  readonly stoppedAt: string | undefined;
  /** The newest first; the others are what may still serve. */
  readonly made: readonly [Made, ...Made[]];
}

/** A revision that serves, one that failed, and one that is tried. */
const KEPT = 3;
const VERSION = "1";

/** Pure. What the revision of it is marked by. */
export function markOf({ hash, processHash = hash }: Pick<Made, "hash" | "processHash">): string {
  return processHash;
}

/** Pure. The record with something newer to run, which takes the place of what has its mark. */
export function withNewest(record: WorkloadRecord, newest: Made): WorkloadRecord {
  const others = record.made.filter((each) => markOf(each) !== markOf(newest));
  return { ...record, made: [newest, ...others.slice(0, KEPT - 1)] };
}

/** Pure. Data of its config map. */
export function encodeRecord({ made, ...rest }: WorkloadRecord): Record<string, string> {
  const told = made.map(({ guardrails, ...each }) => ({
    ...each,
    ...(guardrails && { guardrails: labelJson(guardrails) }),
  }));
  return { version: VERSION, "spec-hash": made[0].hash, record: JSON.stringify({ ...rest, made: told }) };
}

/** Pure. Undefined for a config map that is no record, or another's. */
export function decodeRecord({ data = {} }: Pick<ConfigMap, "data">, maker: Maker): WorkloadRecord | undefined {
  if (data.version !== VERSION || data.record === undefined) return undefined;
  const found = fromJson(data.record);
  if (!isRecord(found)) return undefined;
  if (found.maker.installation !== maker.installation || found.maker.backend !== maker.backend) return undefined;
  const [newest, ...others] = found.made.map((each) => ({
    ...each,
    startedAt: each.startedAt ?? undefined,
    guardrails: readGuardrails(each.guardrails),
  }));
  return newest && { ...found, stoppedAt: found.stoppedAt ?? undefined, made: [newest, ...others] };
}

type Stored = Omit<WorkloadRecord, "made"> & {
  readonly made: readonly (Omit<Made, "guardrails"> & { readonly guardrails?: string })[];
};

function isRecord(value: unknown): value is Stored {
  if (!isObject(value) || !isObject(value.maker) || !isObject(value.owner)) return false;
  const { maker, owner, state, made } = value;
  const texts = [maker.installation, maker.backend, owner.uid, owner.namespace, owner.name];
  return (
    texts.every((text) => typeof text === "string") &&
    (state === "created" || state === "started" || state === "stopped") &&
    Array.isArray(made) &&
    made.every(isMade)
  );
}

function isMade(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.hash === "string" &&
    typeof value.generation === "number" &&
    typeof value.image === "string" &&
    typeof value.attempt === "number" &&
    isObject(value.prototype) &&
    typeof value.prototype.image_reference === "string"
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
