import {
  checkAll,
  type Field,
  FieldError,
  integer,
  type JsonObject,
  oneOf,
  optional,
  type ReadOptions,
  readFields,
  required,
  type Values,
  withDefault,
} from "../fields/field.ts";
import { appName } from "../fields/names.ts";
import { checkEphemeralStorage, checkPair } from "../fields/quantities.ts";
import { containerFields } from "./container-fields.ts";
import { DEFAULT_READINESS, probe } from "./probe-fields.ts";

/** Ports of what the platform puts beside the container. */
const RESERVED_PORTS: readonly number[] = [8008, 8012, 8022, 9090, 9091, 15090];

const port: Field<number> = (value, name) => {
  const number = integer(0, 65_535)(value, name);
  if (RESERVED_PORTS.includes(number)) {
    throw new FieldError(name, `${name} must not be one of the reserved ports ${RESERVED_PORTS.join(", ")}.`);
  }
  return number;
};

const visibility = withDefault(oneOf("local_public", "local_private", "local"), "local_public");

const templateFields = {
  ...containerFields,
  image_port: withDefault(port, 8080),
  scale_min_instances: withDefault(integer(0, 250), 0),
  scale_max_instances: withDefault(integer(0, 250), 10),
  scale_initial_instances: withDefault(integer(0, 250), 1),
  scale_concurrency: withDefault(integer(1, 1000), 100),
  scale_concurrency_target: optional(integer(1, 1000)),
  scale_request_timeout: withDefault(integer(1, 600), 300),
  scale_down_delay: withDefault(integer(0, 3600), 0),
  probe_liveness: optional(probe),
  probe_readiness: withDefault(probe, DEFAULT_READINESS),
} as const;

/** What a revision is made from: all but the visibility. */
export type AppTemplate = Values<typeof templateFields>;

export interface AppSpec {
  readonly template: AppTemplate;
  readonly managed_domain_mappings: "local_public" | "local_private" | "local";
}

/** Members that only answers have, which a client may send back. */
const OTHERS = ["name", "managed_domain_mappings"];

/** @throws {ApiError} 400 */
export function readAppName(body: JsonObject): string {
  return readFields({ name: required(appName) }, body).name;
}

/** @throws {ApiError} 400 */
export function readAppSpec(body: JsonObject, options: ReadOptions): AppSpec {
  const { managed_domain_mappings } = readFields({ managed_domain_mappings: visibility }, body);
  const template = readFields(templateFields, body, { ...options, others: OTHERS });
  checkAll(
    () => checkPair(template),
    () => checkEphemeralStorage(template),
    () => checkScale(template),
  );
  return { template, managed_domain_mappings };
}

/** A maximum of 0 means that there is none. */
function checkScale({ scale_min_instances: min, scale_max_instances: max }: AppTemplate): void {
  if (max === 0 || min <= max) return;
  throw new FieldError("scale_min_instances", "scale_min_instances must not be above scale_max_instances.");
}
