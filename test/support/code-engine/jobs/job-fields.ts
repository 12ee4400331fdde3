import { containerFields } from "../apps/container-fields.ts";
import {
  checkAll,
  FieldError,
  integer,
  type JsonObject,
  oneOf,
  optional,
  type ReadOptions,
  readFields,
  required,
  text,
  type Values,
  withDefault,
} from "../fields/field.ts";
import { workName } from "../fields/names.ts";
import { checkEphemeralStorage, checkPair } from "../fields/quantities.ts";
import { invalidField } from "../http/api-error.ts";

const MAX_JOB_BYTES = 10 * 1024;

/** `0-2,5,7-9`: which indices run. */
const arraySpec = text({
  min: 1,
  max: 253,
  matches: (value) => value.split(",").every((part) => /^\d{1,7}(-\d{1,7})?$/.test(part)),
  wants: "indices and ranges between commas, such as 0-2,5",
});

const fields = {
  ...containerFields,
  run_mode: withDefault(oneOf("task", "daemon"), "task"),
  scale_array_spec: withDefault(arraySpec, "0"),
  scale_max_execution_time: optional(integer(0, 86_400)),
  scale_retry_limit: optional(integer(0, 5)),
};

export type JobSpec = Values<typeof fields>;

/** @throws {ApiError} 400 */
export function readJobName(body: JsonObject): string {
  return readFields({ name: required(workName) }, body).name;
}

/** @throws {ApiError} 400 */
export function readJobRunHead(body: JsonObject) {
  return readFields({ name: optional(workName), job_name: optional(workName) }, body);
}

/** @throws {ApiError} 400 */
export function readJobSpec(body: JsonObject, options: ReadOptions): JobSpec {
  if (Buffer.byteLength(JSON.stringify(body)) > MAX_JOB_BYTES) {
    throw invalidField("name", `A job must not be larger than ${MAX_JOB_BYTES} bytes.`);
  }
  const spec = readFields(fields, body, { ...options, others: ["name", "job_name"] });
  checkAll(
    () => checkPair(spec),
    () => checkEphemeralStorage(spec),
    () => checkMode(spec),
  );
  if (spec.run_mode === "daemon") return spec;
  const { scale_max_execution_time: time = 7200, scale_retry_limit: retries = 3 } = spec;
  return { ...spec, scale_max_execution_time: time, scale_retry_limit: retries };
}

function checkMode({ run_mode, scale_max_execution_time, scale_retry_limit }: JobSpec): void {
  if (run_mode === "task") return;
  const [name] =
    Object.entries({ scale_max_execution_time, scale_retry_limit }).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new FieldError(name, `${name} is for run_mode task only.`);
}

/** How many indices a job runs, and which. */
export function indicesOf(spec: string): number[] {
  const indices = spec.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: Math.min(last - first + 1, 1000) }, (_, offset) => first + offset);
  });
  return [...new Set(indices)].sort((a, b) => a - b);
}
