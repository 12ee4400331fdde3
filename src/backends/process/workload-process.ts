import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../machinery/errors.ts";
import { NO_IMAGE, type WorkloadSpec } from "../backend.ts";
import type { PackageCache } from "./packages/package-cache.ts";
import { parsePinned } from "./packages/package-name.ts";
import type { ProcessSpec } from "./supervisor/process-spec.ts";
import type { WorkloadNote } from "./workload-note.ts";

/**
 * What is started for a workload. Of a package that is the installed one, which is installed again where it is not whole any more.
 * @throws as `PackageCache.ensure`; {TerminalError} `SourceNotSupported` for what is no program.
 */
export async function workloadProcess(
  spec: WorkloadSpec,
  packages: Pick<PackageCache, "ensure">,
  signal: AbortSignal,
): Promise<ProcessSpec> {
  const { env, stdio, restartPolicy, limits, confinement, guardrails, program } = spec;
  return {
    argv: await argvOf(spec, packages, signal),
    workingDirectory: program?.kind === "process" ? program.workingDir : undefined,
    env,
    streams: stdio ? "lines" : "logs",
    restartPolicy,
    maxProcesses: limits.pids,
    confinement: {
      readOnlyRoot: confinement.readOnlyRoot,
      // What listens is reached over the machine's network, and has all of it.
      noNetwork: stdio === true && confinement.network?.egress.kind === "closed",
      required: guardrails.enforcement === "Strict",
    },
  };
}

/** Pure. What is kept with it. */
export function workloadNote(spec: WorkloadSpec, role: WorkloadNote["role"]): WorkloadNote {
  const { owner, hash, generation, image, guardrails, stdio, port } = spec;
  return { kind: "workload", owner, role, hash, generation, image, guardrails, port: stdio ? undefined : port };
}

async function argvOf(
  { program, image, command, args }: WorkloadSpec,
  packages: Pick<PackageCache, "ensure">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (command) {
    const message = "spec.command: replaces the ENTRYPOINT of an image, and there is none here; remove it";
    throw new TerminalError(Reason.InvalidSpec, message);
  }
  if (program?.kind === "process" && args) {
    const message = "spec.args: replaces the CMD of an image, and there is none here; use spec.source.process.args";
    throw new TerminalError(Reason.InvalidSpec, message);
  }
  if (program?.kind === "process") return [program.command, ...program.args];
  const pinned = program?.kind === "package" && image.pinned !== NO_IMAGE ? parsePinned(image.pinned) : undefined;
  if (pinned) return [...(await packages.ensure(pinned, signal)), ...(args ?? [])];
  throw new TerminalError(Reason.SourceNotSupported, "spec.source: local processes run packages and programs only");
}
