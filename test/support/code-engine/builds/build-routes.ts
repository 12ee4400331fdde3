import type { JsonObject } from "../fields/field.ts";
import { conflict, notFound } from "../http/api-error.ts";
import type { AnyRoute } from "../http/route.ts";
import type { Project } from "../projects/project.ts";
import type { FindProject } from "../projects/projects.ts";
import { resourceRoutes } from "../resources/resource-routes.ts";
import { Build } from "./build.ts";
import { readBuildName, readBuildSpec, readRunHead } from "./build-fields.ts";
import { BuildRun } from "./build-run.ts";

/** Builds and their runs. */
export function buildRoutes(findProject: FindProject): AnyRoute[] {
  return [
    ...resourceRoutes<Build>({
      findProject,
      plural: "builds",
      collection: ({ builds }) => builds,
      create(project, body) {
        const name = readBuildName(body);
        project.builds.admit(name);
        return new Build(project, name, body);
      },
      change: { method: "PATCH", apply: (build, body) => build.patch(body) },
    }),
    ...resourceRoutes<BuildRun>({
      findProject,
      plural: "build_runs",
      collection: ({ buildRuns }) => buildRuns,
      created: 202,
      create: createRun,
      filter: { parameter: "build_name", value: ({ buildName }) => buildName ?? "" },
    }),
  ];
}

/** @throws {ApiError} 404 for an unknown build, 409 for one that is not ready, and when too many are under way */
function createRun(project: Project, body: JsonObject): BuildRun {
  const { name: wanted, build_name: buildName, service_account: serviceAccount } = readRunHead(body);
  const build = buildName === undefined ? undefined : project.builds.get(buildName);
  if (buildName !== undefined && build === undefined) throw notFound();
  if (build !== undefined && !build.ready) throw conflict(`The build is not ready: ${build.reason}.`);
  const { concurrentBuildRuns } = project.world.quotas;
  if (project.buildRuns.list().filter(({ over }) => !over).length >= concurrentBuildRuns) {
    throw conflict(`${concurrentBuildRuns} build runs are under way already.`);
  }
  const { strictBodies: strict } = project.world.switches;
  const { name: _, ...inherited } = build?.written ?? {};
  const spec = readBuildSpec({ ...inherited, ...withoutNull(body) }, { strict });
  const name = wanted ?? `${buildName ?? "build"}-run-${stamp(project.world.clock.now())}`;
  project.buildRuns.admit(name);
  return new BuildRun({ project, name, buildName, serviceAccount, spec });
}

function withoutNull(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** `YYMMDD-hhmmss` */
function stamp(at: Date): string {
  const [date = "", time = ""] = at.toISOString().slice(2, 19).split("T");
  return `${date.replaceAll("-", "")}-${time.replaceAll(":", "")}`;
}
