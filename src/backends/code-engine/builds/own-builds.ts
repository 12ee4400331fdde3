import type { ProjectClient } from "../client/project-client.ts";
import type { Build, BuildRun } from "../client/resources/builds.ts";
import type { CallOptions } from "../client/transport.ts";
import { type Maker, type Marks, marksIn } from "../workloads/marks.ts";

/** What is ours in a project: what has our marks. */
export interface OwnBuilds {
  readonly builds: readonly Marked<Build>[];
  readonly runs: readonly Marked<BuildRun>[];
}

export interface Marked<T> {
  readonly object: T;
  readonly marks: Marks;
}

/** Two calls. */
export async function ownBuilds(project: ProjectClient, maker: Maker, options: CallOptions): Promise<OwnBuilds> {
  const builds: Marked<Build>[] = [];
  const runs: Marked<BuildRun>[] = [];
  for await (const object of project.builds.list(options)) {
    const marks = marksIn(object.run_build_params, maker);
    if (marks) builds.push({ object, marks });
  }
  for await (const object of project.buildRuns.list(options)) {
    const marks = marksIn(object.run_build_params, maker);
    if (marks) runs.push({ object, marks });
  }
  return { builds, runs };
}

/** Pure. Those of one owner. */
export function ofOwner({ builds, runs }: OwnBuilds, uid: string): OwnBuilds {
  const its = ({ marks }: Marked<unknown>) => marks.owner.uid === uid;
  return { builds: builds.filter(its), runs: runs.filter(its) };
}
