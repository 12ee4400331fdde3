import { describe, expect, it } from "@jest/globals";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { MemoryBackend } from "../../../test/support/memory-backend.ts";
import { guardrailCapabilities, MemoryEngine } from "../../../test/support/memory-engine.ts";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { Secret } from "../../api/core.ts";
import type { RuntimeBackend } from "../../api/v1alpha1/index.ts";
import { LiveBackends } from "./live-backends.ts";

const engine = new MemoryEngine(new FakeClock());
const live = () =>
  new LiveBackends({
    drivers: {
      docker: {
        settings: () => ({
          defaults: { limits: { cpu: "500m", memory: "512Mi", pids: 100 } },
          orphanCollection: { enabled: false, intervalHours: 1 },
          secrets: [],
        }),
        create: () => new MemoryBackend(engine),
      },
    },
    secrets: new MemoryStore<Secret>(),
    logger: recordingLogger().logger,
    onChange: () => undefined,
    onSuspicion: () => undefined,
  });
const object = (spec: Partial<RuntimeBackend["spec"]> = {}): RuntimeBackend =>
  ({ metadata: { name: "docker", uid: "u" }, spec: { type: "docker", ...spec } }) as RuntimeBackend;

describe("LiveBackends", () => {
  it("makes no other backend where only who may use it changes", async () => {
    const backends = live();
    const { instance } = await backends.ensure(object());
    const same = await backends.ensure(
      object({ default: true, allowedNamespaces: ["a"], guardrailsBound: "standard" }),
    );
    expect(same.instance).toBe(instance);
  });

  it("calls it news when a part of a backend comes or goes, and not what is said of it", async () => {
    const backends = live();
    const { backend } = await backends.ensure(object());
    const health = await backend.health(AbortSignal.timeout(1_000));
    const look = (available: boolean, message: string) =>
      backends.observed("docker", {
        ...health,
        aspects: [
          { type: "EgressManaged", available, reason: available ? "EgressInForce" : "EgressNotReady", message },
        ],
      });
    expect([look(false, "a"), look(false, "b"), look(true, "c"), look(true, "d")]).toEqual([true, false, true, false]);
  });

  it("calls it news when a backend comes, goes, or enforces other guardrails", async () => {
    const backends = live();
    const { backend } = await backends.ensure(object());
    const look = async () => backends.observed("docker", await backend.health(AbortSignal.timeout(1_000)));
    expect([await look(), await look()]).toEqual([true, false]);
    engine.guardrails = guardrailCapabilities({ runAsNonRoot: { enforcement: "Partial", reason: "r" } });
    expect([await look(), await look()]).toEqual([true, false]);
    engine.reachable = false;
    expect([await look(), await look()]).toEqual([true, false]);
    engine.reachable = true;
    expect([await look(), await look()]).toEqual([true, false]);
  });
});
