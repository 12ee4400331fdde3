import { createHash, createHmac } from "node:crypto";
import type { Mount, Owner, ResolvedImage, WorkloadSpec } from "../backends/backend.ts";
import { canonicalJson } from "./canonical-json.ts";
import { confinementOf } from "./confinement.ts";
import type { EffectiveSpec } from "./effective-spec.ts";
import type { Resolved } from "./references.ts";

export interface WorkloadInput {
  readonly owner: Owner;
  readonly generation: number;
  readonly spec: EffectiveSpec;
  readonly resolved: Resolved;
  readonly image: ResolvedImage;
  /** Keys the digests of secret values. Asked for only where there are some. */
  readonly hashKey: Uint8Array | undefined;
}

/** Whether the hash of a workload made from this needs the key. */
export function needsHashKey({ secretVariables, headers, mounts }: Resolved): boolean {
  return (
    secretVariables.size > 0 ||
    (headers?.secret.size ?? 0) > 0 ||
    mounts.some((mount) => mount.kind === "files" && mount.secret)
  );
}

/** Pure. Everything that the workload is made from, and the hash that says so. */
export function workloadSpec(input: WorkloadInput): WorkloadSpec {
  const { owner, generation, spec, resolved, image } = input;
  const program = programOf(spec, resolved);
  const made = {
    image,
    ...(program && { program }),
    ...(spec.transport.type === "stdio" && { stdio: true }),
    command: spec.command,
    args: spec.args,
    env: resolved.env,
    port: spec.transport.port,
    mounts: resolved.mounts,
    limits: spec.limits,
    restartPolicy: spec.restartPolicy,
    scaling: spec.scaling,
    visibility: spec.visibility,
    readiness: spec.readiness,
    liveness: spec.liveness,
    confinement: confinementOf(spec, resolved),
  };
  const hash = workloadHash(made, resolved, input.hashKey);
  const processHash = made.visibility
    ? workloadHash({ ...made, visibility: undefined }, resolved, input.hashKey)
    : hash;
  const { secretVariables } = resolved;
  return { owner, generation, hash, processHash, guardrails: spec.guardrails, secretVariables, ...made };
}

type Made = Omit<WorkloadSpec, "owner" | "generation" | "hash" | "processHash" | "guardrails" | "secretVariables">;

/** Pure. What is run, or reached, where that is no image. */
export function programOf(
  { source, transport }: Pick<EffectiveSpec, "source" | "transport">,
  { headers }: Pick<Resolved, "headers">,
): WorkloadSpec["program"] {
  switch (source.kind) {
    case "image":
    case "git":
      return undefined;
    case "package":
      return { kind: "package" };
    case "process":
      return { kind: "process", command: source.command, args: source.args, workingDir: source.workingDir };
    case "remote":
      return { kind: "remote", url: source.url, transport: transport.type, headers: headers?.values ?? {} };
    default:
      return source satisfies never;
  }
}

/**
 * 40 hexadecimal digits of a SHA-256. It stands in a label that others may read, so secret values go in by an HMAC:
 * nobody can guess one by trying. Owner, generation and guardrails stay out, so that an edit which changes nothing rolls
 * nothing: what the guardrails change about the workload is its confinement.
 */
function workloadHash(
  made: Made,
  { secretVariables, headers }: Pick<Resolved, "secretVariables" | "headers">,
  key: Uint8Array | undefined,
): string {
  const keyed = (value: string | Uint8Array) => {
    if (!key) throw new Error("the hash of a workload with secret values needs a key");
    return { hmac: createHmac("sha256", key).update(value).digest("hex") };
  };
  const hidden = (values: Readonly<Record<string, string>>, secret: ReadonlySet<string> | undefined) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, secret?.has(name) ? keyed(value) : value]));
  const { program } = made;
  const hashable =
    program?.kind === "remote" ? { ...program, headers: hidden(program.headers, headers?.secret) } : program;
  const mounts = made.mounts.map((mount) => hashableMount(mount, keyed));
  const env = hidden(made.env, secretVariables);
  const text = canonicalJson({ ...made, program: hashable, image: made.image.pinned, env, mounts });
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}

function hashableMount(mount: Mount, keyed: (value: Uint8Array) => unknown): unknown {
  if (mount.kind !== "files") return mount;
  const digest = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
  const files = Object.entries(mount.files).map(([name, content]) => [
    name,
    mount.secret ? keyed(content) : digest(content),
  ]);
  return { ...mount, files: Object.fromEntries(files) };
}
