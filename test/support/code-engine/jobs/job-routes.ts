import type { JsonObject } from "../fields/field.ts";
import { invalidField, notFound } from "../http/api-error.ts";
import type { AnyRoute } from "../http/route.ts";
import type { Project } from "../projects/project.ts";
import type { FindProject } from "../projects/projects.ts";
import { resourceRoutes } from "../resources/resource-routes.ts";
import { randomName } from "../world.ts";
import { Job, JobRun } from "./job.ts";
import { readJobName, readJobRunHead, readJobSpec } from "./job-fields.ts";

/** What a run of a job may not say differently from the job. */
const INHERITED = ["image_reference", "image_secret", "run_service_account"];

/** Jobs and their runs. */
export function jobRoutes(findProject: FindProject): AnyRoute[] {
  return [
    ...resourceRoutes<Job>({
      findProject,
      plural: "jobs",
      collection: ({ jobs }) => jobs,
      create(project, body) {
        const name = readJobName(body);
        project.jobs.admit(name);
        return new Job(project, name, body);
      },
      change: { method: "PATCH", apply: (job, body) => job.patch(body) },
    }),
    ...resourceRoutes<JobRun>({
      findProject,
      plural: "job_runs",
      collection: ({ jobRuns }) => jobRuns,
      created: 202,
      create: createRun,
      filter: { parameter: "job_name", value: ({ jobName }) => jobName ?? "" },
    }),
  ];
}

/** @throws {ApiError} 404 for an unknown job, 400 for what only the job may say */
function createRun(project: Project, body: JsonObject): JobRun {
  const { name: wanted, job_name: jobName } = readJobRunHead(body);
  const job = jobName === undefined ? undefined : project.jobs.get(jobName);
  if (jobName !== undefined && job === undefined) throw notFound();
  const surplus = job && INHERITED.find((member) => body[member] !== undefined && body[member] !== null);
  if (surplus !== undefined) throw invalidField(surplus, `${surplus} must be absent where job_name is given.`);
  const { name: _, ...inherited } = job?.written ?? {};
  const spec = readJobSpec({ ...inherited, ...body }, { strict: project.world.switches.strictBodies });
  const name = wanted ?? `${jobName ?? "job"}-jobrun-${randomName(5)}`;
  project.jobRuns.admit(name);
  return new JobRun({ project, name, jobName, spec });
}
