import { describe, expect, it } from "@jest/globals";
import { appBody, failureOf, PROJECT_ID, scriptedCodeEngine } from "../../../../test/support/code-engine-script.ts";
import type { ProjectClient } from "./project-client.ts";
import { subdomainOf } from "./resources/apps.ts";

const options = { signal: new AbortController().signal };
const tagged = { ...options, entityTag: "2-b" };
const named = { name: "x", entity_tag: "1-a" };
const root = `/v2/projects/${PROJECT_ID}`;

interface Row {
  readonly what: string;
  readonly run: (project: ProjectClient) => Promise<unknown>;
  readonly answer: unknown;
  readonly method: string;
  readonly path: string;
  readonly sent?: unknown;
  readonly type?: string;
  readonly ifMatch?: string;
}

const recipe = { output_image: "icr.io/x/yz", output_secret: "r", strategy_type: "dockerfile" } as const;
const rule = { type: "cidr_block", name: "x", cidr_block: "10.0.0.0/8" } as const;
const merge = "application/merge-patch+json";
const json = "application/json";

const rows: readonly Row[] = [
  {
    what: "creates an app",
    run: ({ apps }) => apps.create({ name: "x", image_reference: "icr.io/x/yz", run_as_user: 1000 }, options),
    answer: appBody(),
    ...{
      method: "POST",
      path: "/apps",
      type: json,
      sent: { name: "x", image_reference: "icr.io/x/yz", run_as_user: 1000 },
    },
  },
  {
    what: "changes an app, and resets what is null",
    run: ({ apps }) => apps.patch("x", { image_secret: null, run_volume_mounts: [], image_port: 1 }, tagged),
    answer: appBody(),
    ...{ method: "PATCH", path: "/apps/x", type: merge, ifMatch: "2-b" },
    sent: { image_secret: null, run_volume_mounts: [], image_port: 1 },
  },
  {
    what: "deletes an app",
    run: ({ apps }) => apps.delete("x", options),
    answer: undefined,
    method: "DELETE",
    path: "/apps/x",
  },
  {
    what: "gets a revision",
    run: (project) => project.revisions("x").get("x-00001", options),
    answer: { name: "x-00001", image_reference: "i", status_details: { actual_instances: 1 } },
    ...{ method: "GET", path: "/apps/x/revisions/x-00001" },
  },
  {
    what: "lists instances",
    run: (project) => Array.fromAsync(project.instances("x").list(options)),
    answer: {
      instances: [
        { name: "i", status_details: { restarts: 2, user_container: { current_state: { exit_code: 137 } } } },
      ],
    },
    ...{ method: "GET", path: "/apps/x/instances" },
  },
  {
    what: "creates a build",
    run: ({ builds }) => builds.create({ name: "x", ...recipe }, options),
    answer: named,
    ...{ method: "POST", path: "/builds", sent: { name: "x", ...recipe } },
  },
  {
    what: "changes a build",
    run: ({ builds }) => builds.patch("x", { timeout: 60 }, tagged),
    answer: named,
    ...{ method: "PATCH", path: "/builds/x", type: merge, ifMatch: "2-b", sent: { timeout: 60 } },
  },
  {
    what: "runs a build",
    run: ({ buildRuns }) => buildRuns.create({ name: "x", build_name: "b" }, options),
    answer: { name: "x", status: "pending", status_details: { reason: "pending" } },
    ...{ method: "POST", path: "/build_runs", sent: { name: "x", build_name: "b" } },
  },
  {
    what: "creates a secret",
    run: ({ secrets }) => secrets.create({ format: "generic", name: "x", data: { a: "b" } }, options),
    answer: named,
    ...{ method: "POST", path: "/secrets", sent: { format: "generic", name: "x", data: { a: "b" } } },
  },
  {
    what: "replaces a secret",
    run: ({ secrets }) => secrets.replace("x", { format: "generic", data: { a: "c" } }, tagged),
    answer: named,
    ...{ method: "PUT", path: "/secrets/x", type: json, ifMatch: "2-b", sent: { format: "generic", data: { a: "c" } } },
  },
  {
    what: "replaces a config map",
    run: ({ configMaps }) => configMaps.replace("x", { data: {} }, tagged),
    answer: { ...named, data: {} },
    ...{ method: "PUT", path: "/config_maps/x", type: json, ifMatch: "2-b", sent: { data: {} } },
  },
  {
    what: "opens a way out",
    run: ({ outboundDestinations }) => outboundDestinations.create(rule, options),
    answer: { ...named, ...rule },
    ...{ method: "POST", path: "/allowed_outbound_destinations", sent: rule },
  },
  {
    what: "changes a way out",
    run: ({ outboundDestinations }) =>
      outboundDestinations.patch("x", { type: "cidr_block", cidr_block: "10.0.0.0/9" }, tagged),
    answer: { ...named, ...rule },
    ...{ method: "PATCH", path: "/allowed_outbound_destinations/x", type: merge, ifMatch: "2-b" },
    sent: { type: "cidr_block", cidr_block: "10.0.0.0/9" },
  },
  {
    what: "tells the state of the project",
    run: (project) => project.statusDetails(options),
    answer: { project: "enabled", domain: "ready", cbr: { data_plane: { inbound_public: "allowed" } } },
    ...{ method: "GET", path: "/status_details" },
  },
  {
    what: "tells from where calls come",
    run: (project) => project.egressIps(options),
    answer: { public: ["1.2.3.4"], private: [] },
    ...{ method: "GET", path: "/egress_ips" },
  },
];

describe("a project", () => {
  it.each(rows)("$what", async ({ run, answer, method, path, sent, type, ifMatch }) => {
    await using world = await scriptedCodeEngine([{ status: 202, body: answer }]);
    await run(world.project);
    const { last } = world.api;
    expect({ method: last.method, path: last.path }).toEqual({ method, path: root + path });
    expect(last.body === "" ? undefined : JSON.parse(last.body)).toEqual(sent);
    expect(last.query.get("version")).toBe("2026-06-15");
    if (type !== undefined) expect(last.headers["content-type"]).toBe(type);
    expect(last.headers["if-match"]).toBe(ifMatch);
  });

  it("has one budget, however often it is asked for", async () => {
    const budget = { concurrent: 1, perSecond: 1, burst: 1, reserve: 0, queue: 1 };
    await using world = await scriptedCodeEngine([{ body: appBody() }], { budget });
    const poll = { ...options, poll: true };
    await world.client.project(PROJECT_ID).apps.get("x", poll);
    expect(await failureOf(world.client.project(PROJECT_ID).apps.get("x", poll))).toMatchObject({ kind: "throttled" });
    await world.client.project("another").apps.get("x", poll);
  });
});

describe("the project's subdomain", () => {
  const app = { name: "files", image_reference: "i", entity_tag: "1", run_commands: [], run_arguments: [] };
  const base = { ...app, run_env_variables: [], run_volume_mounts: [], computed_env_variables: [] };
  it.each([
    {
      because: "the internal address holds it",
      more: { endpoint_internal: "http://files.vg67hzldruk.svc.cluster.local" },
      want: "vg67hzldruk",
    },
    {
      because: "a variable holds it",
      more: { computed_env_variables: [{ name: "CE_SUBDOMAIN", value: "vg6" }] },
      want: "vg6",
    },
    { because: "nothing tells it", more: { endpoint_internal: "http://evil.example" }, want: undefined },
  ])("is $want: $because", ({ more, want }) => {
    expect(subdomainOf({ ...base, ...more })).toBe(want);
  });
});
