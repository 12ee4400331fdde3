import { describe, expect, it } from "@jest/globals";
import { emulatedWorld } from "../support/code-engine/emulated-world.ts";
import { BUILD_REASONS, BUILD_RUN_REASONS, JOB_RUN_REASONS } from "../support/code-engine/failures.ts";

const STEP_MS = 1_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe("builds", () => {
  const BUILD = {
    name: "build",
    output_image: "us.icr.io/team/files",
    output_secret: "push",
    strategy_type: "dockerfile",
    source_url: "https://github.com/org/repo",
  };
  const PUSH = { name: "push", format: "registry", data: { server: "us.icr.io", username: "u", password: "p" } };

  async function withBuild(build: object = {}) {
    const w = await emulatedWorld();
    await w.client.post(`${w.home}/secrets`, PUSH);
    const { status, body } = await w.client.post(`${w.home}/builds`, { ...BUILD, ...build });
    const run = async (spec: object = { build_name: "build", name: "run" }) =>
      await w.client.post(`${w.home}/build_runs`, spec);
    return { ...w, status, build: body, run };
  }

  it("have defaults", async () => {
    await using w = await withBuild();
    expect(w.status).toBe(201);
    expect(w.build).toEqual({
      ...BUILD,
      id: expect.stringMatching(ID),
      href: expect.any(String),
      created_at: expect.any(String),
      project_id: w.project.id,
      region: "us-south",
      resource_type: "build_v2",
      entity_tag: expect.any(String),
      source_type: "git",
      strategy_size: "medium",
      strategy_spec_file: "Dockerfile",
      timeout: 600,
      run_build_params: [],
      status: "ready",
      status_details: { reason: "registered" },
    });
  });

  it("show secrets that are not there yet", async () => {
    await using w = await withBuild({ output_secret: "later", source_secret: "later-too" });
    expect(w.build).toMatchObject({ status: "failed", status_details: { reason: "multiple_secret_ref_not_found" } });
    await w.client.post(`${w.home}/secrets`, { ...PUSH, name: "later" });
    expect(await w.read("/builds/build")).toMatchObject({ status_details: { reason: "spec_source_secret_not_found" } });
    expect((await w.run()).status).toBe(409);
    await w.client.post(`${w.home}/secrets`, { name: "later-too", format: "ssh_auth", data: { ssh_key: "k" } });
    expect(await w.read("/builds/build")).toMatchObject({ status: "ready" });
  });

  it.each(BUILD_REASONS)("fail with %s", async (reason) => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/secrets`, PUSH);
    w.emulator.failures.add({ kind: "build", name: "build", reason });
    const { body } = await w.client.post(`${w.home}/builds`, BUILD);
    expect(body).toMatchObject({ status: "failed", status_details: { reason } });
  });

  it("run, and say what they made", async () => {
    await using w = await withBuild();
    const { status, body } = await w.run();
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: "pending", build_name: "build", output_image: BUILD.output_image });
    await w.clock.advance(STEP_MS);
    expect(await w.read("/build_runs/run")).toMatchObject({ status: "running", status_details: { reason: "running" } });
    await w.clock.advance(STEP_MS);
    expect(await w.read("/build_runs/run")).toMatchObject({
      resource_type: "build_run_v2",
      status: "succeeded",
      status_details: {
        reason: "succeeded",
        output_digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        git_commit_sha: expect.stringMatching(/^[0-9a-f]{40}$/),
        git_branch_name: "main",
        git_commit_author: expect.any(String),
        source_timestamp: expect.any(String),
        start_time: "2026-01-01T00:00:01Z",
        completion_time: "2026-01-01T00:00:02Z",
      },
    });
  });

  it.each(BUILD_RUN_REASONS)("end with %s", async (reason) => {
    await using w = await withBuild({ timeout: 60 });
    w.emulator.failures.add({ kind: "build-run", name: "build", reason });
    await w.run();
    await w.clock.advance(70_000);
    expect(await w.read("/build_runs/run")).toMatchObject({ status: "failed", status_details: { reason } });
  });

  it("make what a test makes", async () => {
    await using w = await withBuild();
    const digest = `sha256:${"b".repeat(64)}`;
    w.emulator.buildWith(async (image) => ({ digest, log: [`made ${image}`] }));
    await w.run();
    await w.clock.advance(3 * STEP_MS);
    expect(await w.read("/build_runs/run")).toMatchObject({ status_details: { output_digest: digest } });
  });

  it("get a name by build and time, may override, and may do without a build", async () => {
    await using w = await withBuild();
    const named = await w.run({ build_name: "build", timeout: 5, source_revision: "v2" });
    expect(named.body).toMatchObject({ name: "build-run-260101-000000", timeout: 5, source_revision: "v2" });
    const { name: _, ...inline } = BUILD;
    expect((await w.run({ ...inline, name: "alone" })).status).toBe(202);
    expect((await w.run({ name: "less" })).status).toBe(400);
    expect((await w.run({ build_name: "unknown" })).status).toBe(404);
    const { build_runs } = await w.read("/build_runs?build_name=build");
    expect(build_runs).toMatchObject([{ name: "build-run-260101-000000" }]);
    expect((await w.client.patch(`${w.home}/build_runs/alone`, {}, { ifMatch: "*" })).status).toBe(405);
  });

  it("vanish: 3 hours after success, 7 days after failure", async () => {
    await using w = await withBuild();
    await w.run({ build_name: "build", name: "good" });
    await w.clock.advance(3 * STEP_MS);
    w.emulator.failures.add({ kind: "build-run", name: "bad", reason: "failed" });
    await w.run({ build_name: "build", name: "bad" });
    await w.clock.advance(3 * 3_600_000);
    w.client.renew();
    expect((await w.client.get(`${w.home}/build_runs/good`)).status).toBe(404);
    expect((await w.client.get(`${w.home}/build_runs/bad`)).status).toBe(200);
    await w.clock.advance(7 * 24 * 3_600_000);
    w.client.renew();
    expect((await w.client.get(`${w.home}/build_runs/bad`)).status).toBe(404);
  });

  it("run so many at once", async () => {
    await using w = await emulatedWorld({ quotas: { concurrentBuildRuns: 1 } });
    await w.client.post(`${w.home}/secrets`, PUSH);
    await w.client.post(`${w.home}/builds`, BUILD);
    await w.client.post(`${w.home}/build_runs`, { build_name: "build", name: "a" });
    expect((await w.client.post(`${w.home}/build_runs`, { build_name: "build", name: "b" })).status).toBe(409);
    await w.clock.advance(3 * STEP_MS);
    expect((await w.client.post(`${w.home}/build_runs`, { build_name: "build", name: "b" })).status).toBe(202);
  });
});

describe("jobs", () => {
  const JOB = { name: "job", image_reference: "icr.io/team/job" };

  it("have defaults, of which two are for tasks only", async () => {
    await using w = await emulatedWorld();
    const { status, body } = await w.client.post(`${w.home}/jobs`, JOB);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      resource_type: "job_v2",
      run_mode: "task",
      scale_array_spec: "0",
      scale_max_execution_time: 7200,
      scale_retry_limit: 3,
      computed_env_variables: expect.arrayContaining([
        { type: "literal", name: "CE_JOB", value: "job" },
        { type: "literal", name: "CE_SUBDOMAIN", value: w.project.subdomain },
      ]),
    });
    const daemon = { ...JOB, name: "d", run_mode: "daemon" };
    expect((await w.client.post(`${w.home}/jobs`, daemon)).body).not.toHaveProperty("scale_retry_limit");
    expect((await w.client.post(`${w.home}/jobs`, { ...daemon, name: "e", scale_retry_limit: 1 })).status).toBe(400);
  });

  it("are not larger than 10 KiB", async () => {
    await using w = await emulatedWorld();
    expect((await w.client.post(`${w.home}/jobs`, { ...JOB, run_arguments: ["x".repeat(11_000)] })).status).toBe(400);
  });

  it("run each index", async () => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/jobs`, { ...JOB, scale_array_spec: "0-1,5" });
    const { status, body } = await w.client.post(`${w.home}/job_runs`, { job_name: "job", name: "run" });
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: "pending", status_details: { requested: 3, pending: 3 } });
    await w.clock.advance(2 * STEP_MS);
    expect(await w.read("/job_runs/run")).toMatchObject({
      resource_type: "job_run_v2",
      status: "completed",
      status_details: { succeeded: 3, succeeded_indices: "0-1,5", indices_details: { "5": { status: "succeeded" } } },
    });
  });

  it.each(JOB_RUN_REASONS)("fail with %s", async (reason) => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/jobs`, JOB);
    w.emulator.failures.add({ kind: "job-run", name: "job", reason });
    await w.client.post(`${w.home}/job_runs`, { job_name: "job", name: "run" });
    await w.clock.advance(2 * STEP_MS);
    expect(await w.read("/job_runs/run")).toMatchObject({
      status: "failed",
      status_details: { failed: 1, indices_details: { "0": { last_failure_reason: reason } } },
    });
  });

  it.each(["image_reference", "image_secret", "run_service_account"])("do not let a run say %s", async (member) => {
    await using w = await emulatedWorld();
    await w.client.post(`${w.home}/jobs`, JOB);
    const { status, body } = await w.client.post(`${w.home}/job_runs`, { job_name: "job", [member]: "none" });
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ target: { name: member } }]);
  });

  it("run without a job, too", async () => {
    await using w = await emulatedWorld();
    const { name: _, ...inline } = JOB;
    expect((await w.client.post(`${w.home}/job_runs`, inline)).status).toBe(202);
    expect((await w.client.post(`${w.home}/job_runs`, { job_name: "unknown" })).status).toBe(404);
  });
});
