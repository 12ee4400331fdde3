import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { DeploymentWorld } from "../../../test/support/deployment-world.ts";
import type { GuardrailProfileSpec, RuntimeDeploymentSpec } from "../../api/v1alpha1/index.ts";
import type { WorkloadSpec } from "../../backends/backend.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { widens } from "../../guardrails/widens.ts";

type World = DeploymentWorld;
type Overrides = NonNullable<NonNullable<RuntimeDeploymentSpec["guardrails"]>["overrides"]>;

const PROFILES = ["unrestricted", "standard", "restricted", "own", "other"];

const patch = fc.record(
  {
    network: fc.record(
      {
        egressAllowed: fc.boolean(),
        allowedHosts: fc.constantFrom(["*"], ["api.openai.com"], ["*.googleapis.com", "evil.example"]),
      },
      { requiredKeys: ["egressAllowed"] },
    ),
    filesystem: fc.record(
      { readOnlyRoot: fc.boolean(), allowedMounts: fc.constantFrom(["/data"], []) },
      { requiredKeys: ["readOnlyRoot"] },
    ),
    capabilities: fc.record({
      dropAll: fc.boolean(),
      add: fc.constantFrom<("CHOWN" | "NET_BIND_SERVICE")[]>([], ["CHOWN"], ["NET_BIND_SERVICE"]),
    }),
    runAsNonRoot: fc.boolean(),
  },
  { requiredKeys: [] },
) satisfies fc.Arbitrary<Overrides & Partial<GuardrailProfileSpec>>;

interface Step {
  readonly what: string;
  readonly take: (world: World) => void;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(undefined, ...PROFILES, "missing").map((name) => ({
    what: `bound namespace by ${name}`,
    take: (world: World) => world.bound(name),
  })),
  fc.constantFrom("", ...PROFILES).map((name) => ({
    what: `bound backend by ${name}`,
    take: (world: World) => world.putBackend("docker", true, name === "" ? {} : { guardrailsBound: name }),
  })),
  fc.tuple(fc.constantFrom(...PROFILES), fc.option(patch, { nil: undefined })).map(([profile, overrides]) => ({
    what: `apply ${profile} ${JSON.stringify(overrides)}`,
    take: (world: World) => world.apply({ guardrails: { profile, ...(overrides && { overrides }) } }),
  })),
  fc.tuple(fc.constantFrom("own", "other"), patch).map(([name, changes]) => ({
    what: `profile ${name} ${JSON.stringify(changes)}`,
    take: (world: World) => world.putProfile(name, changes),
  })),
  fc.constantFrom<Step>(
    { what: "no such backend", take: (world) => world.apply({ backend: "moon" }) },
    {
      what: "crash",
      take(world) {
        for (const container of world.containers()) world.engine.end(container, 1);
      },
    },
    {
      what: "lose sandboxes",
      take(world) {
        for (const container of world.containers()) world.engine.loseSandbox(container);
      },
    },
    {
      what: "restart the controller",
      take(world) {
        world.kill();
        world.boot();
      },
    },
    { what: "stop", take: (world) => world.apply({ desiredState: "Stopped" }) },
  ),
);

/** Of what a deployment may ask; nothing of it shows in a workload that asks for no volume and for little. */
const OF_THE_SPEC = ["filesystem.allowedMounts", "resources.maxCpu", "resources.maxMemory", "resources.maxPids"];

/** What the bounds of the moment have against a workload, by the world's own objects and not by what a controller found. */
function excess(world: World, spec: WorkloadSpec): string[] {
  const label = world.namespaces.get({ namespace: "", name: "team-a" })?.metadata.labels?.[
    "slipway.dev/guardrails-bound"
  ];
  const backend = world.backends.get({ namespace: "", name: "docker" })?.spec.guardrailsBound;
  return [label, backend]
    .flatMap((name = "") => {
      const profile = world.profiles.get({ namespace: "", name });
      return profile ? widens(spec.guardrails, effectiveGuardrails(profile)).map(({ field }) => field) : [];
    })
    .filter((field) => !OF_THE_SPEC.includes(field));
}

describe("whatever becomes of bounds, profiles and overrides", () => {
  it("nothing is started wider than its bound, and nothing wider runs on", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(step, fc.constantFrom(0, 3, 5, 9, 700, 20_000)), { minLength: 4, maxLength: 14 }),
        async (steps) => {
          const world = new DeploymentWorld();
          world.putProfile("own", {}, "unrestricted");
          world.putProfile("other", {});
          // Answers take their time, so that bounds change between the calls of one reconcile. What a start or
          // a repair does is one call.
          const fault = world.engine.fault;
          world.engine.fault = async (method, moment) => {
            await fault(method, moment);
            if (moment === "after" && method !== "repair" && method !== "remake")
              await new Promise<void>((answer) => void world.clock.schedule(4, answer));
          };
          const start = world.engine.start.bind(world.engine);
          const startedWider: string[] = [];
          world.engine.start = (container) => {
            const fields = excess(world, container.spec);
            if (fields.length > 0) startedWider.push(fields.join(", "));
            start(container);
          };
          world.apply();
          await world.pass(1_000);
          for (const [{ take }, waitMs] of steps) {
            take(world);
            await world.clock.advance(waitMs);
          }
          expect(startedWider).toEqual([]);
          await world.pass(120_000, 1_000);
          const running = world.containers().filter(({ state }) => state.kind !== "exited");
          expect(running.flatMap(({ spec }) => excess(world, spec))).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
