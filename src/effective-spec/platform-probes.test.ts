import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { choosePlatformProbes } from "./platform-probes.ts";

type Health = RuntimeDeploymentSpec["health"];
const standard: Health = { probe: "mcp", periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 3 };
const liveness = { probe: "tcp", periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 } as const;
const platform = { name: "ibm", reach: { platformProbes: true } };
const choose = (health: Partial<Health>, backend: Parameters<typeof choosePlatformProbes>[2] = platform) =>
  choosePlatformProbes({ ...standard, ...health }, { path: "/mcp" }, backend);

describe("choosePlatformProbes", () => {
  it.each([
    { because: "mcp, which no platform speaks", health: {} },
    { because: "a connection", health: { probe: "tcp" } },
    { because: "nothing", health: { probe: "none" } },
    { because: "more patience than a connection needs", health: { timeoutSeconds: 60, periodSeconds: 600 } },
  ] as const)("says nothing where $because is asked for", ({ health }) => {
    expect(choose(health)).toEqual({ readiness: undefined, liveness: undefined, probeNotes: [] });
  });

  it.each([
    {
      because: "its own path",
      health: { probe: "http", path: "/healthz" },
      want: { kind: "http", path: "/healthz", periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    },
    {
      because: "the endpoint's path",
      health: { probe: "http", timeoutSeconds: 30 },
      want: { kind: "http", path: "/mcp", timeoutSeconds: 30 },
    },
    {
      because: "more than the platform takes",
      health: { failureThreshold: 100 },
      want: { kind: "tcp", path: undefined, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 10 },
    },
    {
      because: "more often than by itself",
      health: { periodSeconds: 1, timeoutSeconds: 1 },
      want: { kind: "tcp", periodSeconds: 1, timeoutSeconds: 1 },
    },
  ] as const)("asks whether it is ready by $because", ({ health, want }) => {
    expect(choose(health).readiness).toMatchObject(want);
  });

  it("asks whether it lives only where the spec says so", () => {
    expect(choose({ liveness }).liveness).toEqual({
      kind: "tcp",
      path: undefined,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
      initialDelaySeconds: undefined,
    });
    const http = { ...liveness, probe: "http", initialDelaySeconds: 4 } as const;
    expect(choose({ path: "/healthz", liveness: http }).liveness).toMatchObject({
      kind: "http",
      path: "/healthz",
      initialDelaySeconds: 4,
    });
    expect(choose({ liveness: { ...http, path: "/alive" } }).liveness).toMatchObject({ path: "/alive" });
  });

  it("has no effect where the place does not ask, and says so once somebody knows", () => {
    const local = { name: "local", reach: { platformProbes: false } };
    expect(choose({ probe: "http", liveness }, local)).toEqual({
      readiness: undefined,
      liveness: undefined,
      probeNotes: [
        'spec.health.liveness has no effect on RuntimeBackend "local", which starts again only what has ended',
      ],
    });
    expect(choose({ probe: "http" }, local).probeNotes).toEqual([]);
    expect(choose({ liveness }, { name: "new" }).probeNotes).toEqual([]);
  });
});
