import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeBackend } from "../api/v1alpha1/index.ts";
import { TerminalError } from "../machinery/errors.ts";
import type { Source } from "./source.ts";

/** A backend as it said itself. `sources` are undefined while nobody has asked it. */
export interface SourceBackend {
  readonly name: string;
  readonly sources: readonly string[] | undefined;
}

/** What is read of a RuntimeBackend. */
interface KnownBackend {
  readonly metadata: { readonly name: string };
  readonly status?: Pick<NonNullable<RuntimeBackend["status"]>, "capabilities">;
}

const WHAT = {
  image: "run container images",
  git: "build from git repositories",
  package: "run packages",
  process: "run local programs",
  remote: "stand for servers that somebody else runs",
} as const satisfies Record<Source["kind"], string>;

const ELSEWHERE = {
  image: "make a RuntimeBackend of type docker",
  git: "build the image elsewhere, and name it in spec.source.image",
  package: "make a RuntimeBackend of type process",
  process: "make a RuntimeBackend of type process",
  remote: "make a RuntimeBackend of type remote",
} as const satisfies Record<Source["kind"], string>;

/**
 * Pure. Whether a backend makes a server out of that source. A backend that has said nothing yet refuses nothing.
 * @throws {TerminalError} `SourceNotSupported`, naming the backends of `all` that can.
 */
export function assertSourceSupported(
  source: Source,
  { name, sources = [source.kind] }: SourceBackend,
  all: readonly KnownBackend[],
): void {
  if (sources.includes(source.kind)) return;
  const able = all
    .filter(({ status }) => status?.capabilities?.sources?.includes(source.kind))
    .map(({ metadata }) => metadata.name)
    .sort();
  const remedy =
    able.length > 0
      ? `set spec.backend to ${able.join(" or ")}`
      : `no RuntimeBackend here can; ${ELSEWHERE[source.kind]}`;
  throw new TerminalError(
    Reason.SourceNotSupported,
    `spec.source.${source.kind}: RuntimeBackend "${name}" cannot ${WHAT[source.kind]}; ${remedy}`,
  );
}
