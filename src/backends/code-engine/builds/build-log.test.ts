import { describe, expect, it } from "@jest/globals";
import { appBody, scriptedCodeEngine } from "../../../../test/support/code-engine-script.ts";
import type { Step } from "../../../../test/support/scripted-http.ts";
import { systemClock } from "../../../machinery/clock.ts";
import type { LogOptions } from "../../backend.ts";
import { Subdomains } from "../subdomains.ts";
import { BuildLog } from "./build-log.ts";

const WHOLE: LogOptions = { tail: undefined, follow: false, timestamps: false };
const FOLLOWED: LogOptions = { ...WHOLE, follow: true };
const at = (second: number, text: string) => `2026-01-01T00:00:0${second}Z ${text}`;

const app: Step = { body: { apps: [appBody({ endpoint_internal: "http://files.ns.svc.cluster.local" })] } };
const noApps: Step = { body: { apps: [] } };
const noPods: Step = { body: { items: [] } };
const containers = ["step-source", "step-build", "sidecar"].map((name) => ({ name }));
const pods: Step = { body: { items: [{ metadata: { name: "pod" }, spec: { containers } }] } };
const run = (status: string, details: object = {}): Step => ({
  body: { name: "run", status, status_details: details },
});
const said = (...lines: string[]): Step => ({ body: `${lines.join("\n")}\n` });
const notBegun: Step = { status: 400, body: { kind: "Status", message: "is waiting to start: PodInitializing" } };

async function read(script: readonly Step[], options: LogOptions) {
  await using world = await scriptedCodeEngine(script);
  const log = new BuildLog({ subdomains: new Subdomains(systemClock), clock: systemClock, lookMs: 1 });
  const lines = await Array.fromAsync(log.lines(world.project, "run", options, AbortSignal.timeout(20_000)));
  return { lines, requests: world.api.requests };
}

describe("the log of a build", () => {
  it("is that of its steps, in their order", async () => {
    const { lines, requests } = await read([app, pods, said(at(1, "cloned")), said(at(2, "built"))], WHOLE);
    expect(lines).toEqual(["cloned", "built"]);
    expect(requests.at(-1)?.path).toBe("/api/v1/namespaces/ns/pods/pod/log");
    expect(requests.map(({ query }) => query.get("container")).filter(Boolean)).toEqual(["step-source", "step-build"]);
  });

  it("ends with so many lines, whichever step they are of", async () => {
    const script = [app, pods, said("built"), said("fetched", "cloned")];
    const { lines, requests } = await read(script, { ...WHOLE, tail: 3 });
    expect(lines).toEqual(["fetched", "cloned", "built"]);
    expect(requests.map(({ query }) => query.get("tailLines")).filter(Boolean)).toEqual(["3", "2"]);
  });

  it("is followed through steps that have not begun, and through connections that end", async () => {
    const { lines } = await read(
      [
        ...[app, noPods, run("pending"), pods],
        ...[notBegun, run("running"), said(at(1, "cloned"))],
        ...[said(at(2, "one"), at(3, "two")), run("running")],
        ...[said(at(2, "one"), at(3, "two"), at(3, "three")), run("running")],
        ...["reset" as const, "reset" as const, "reset" as const, "reset" as const, run("succeeded")],
        said(at(2, "one"), at(3, "two"), at(3, "three"), at(4, "four")),
      ],
      FOLLOWED,
    );
    expect(lines).toEqual(["cloned", "one", "two", "three", "four"]);
  });

  it.each<{ because: string; last: Step; line: RegExp }>([
    {
      because: "succeeded",
      last: run("succeeded", { completion_time: "2026-01-01T00:00:00Z", output_digest: "sha256:abc" }),
      line: /keeps the log of run no more; it succeeded at 2026-01-01T00:00:00Z and made sha256:abc$/,
    },
    {
      because: "failed",
      last: run("failed", { reason: "pod_evicted" }),
      line: /it failed: Code Engine needed the machine/,
    },
  ])("says that it is gone where the run $because and its pod has left", async ({ last, line }) => {
    const { lines } = await read([app, noPods, last], WHOLE);
    expect(lines).toEqual([expect.stringMatching(line)]);
  });

  it("is empty before it begins", async () => {
    expect((await read([app, noPods, run("pending")], WHOLE)).lines).toEqual([]);
  });
});

describe("the namespace of a project without apps", () => {
  const CE = [{ type: "literal", name: "CE_SUBDOMAIN", value: "ns" }];
  const job = (image: string): Step => ({
    body: { name: "slipway-subdomain", image_reference: image, computed_env_variables: CE },
  });
  const taken: Step = { status: 409, body: { errors: [{ code: "conflict", message: "taken" }], status_code: 409 } };

  it("is told by a job that is removed at once", async () => {
    const { requests } = await read(
      [noApps, job("icr.io/codeengine/helloworld"), { status: 202 }, noPods, run("pending")],
      WHOLE,
    );
    expect(requests.slice(1, 3).map(({ method }) => method)).toEqual(["POST", "DELETE"]);
    expect(requests.at(-2)?.path).toContain("/namespaces/ns/");
  });

  it("is read of somebody's own job of that name, which stays", async () => {
    const { requests } = await read([noApps, taken, job("icr.io/team/other"), noPods, run("pending")], WHOLE);
    expect(requests.map(({ method }) => method)).not.toContain("DELETE");
  });
});
