import { describe, expect, it } from "@jest/globals";
import { contractSpec } from "../../../../test/contract/backend.ts";
import type { WorkloadSpec } from "../../backend.ts";
import { appNameTrouble, configNameTrouble } from "../client/rules/names.ts";
import { appTemplate } from "./app-template.ts";
import { appName, marksOf } from "./marks.ts";
import { partsOf } from "./parts.ts";

const maker = { installation: "i-1", backend: "ibm" };
const owner = { uid: "u-1", namespace: "team-a", name: "files" };
const app = appName(maker, owner);
const spec = (patch: Partial<WorkloadSpec> = {}): WorkloadSpec =>
  contractSpec({
    owner,
    image: { pinned: "icr.io/example/files@sha256:1" },
    port: 8080,
    limits: { cpuMillis: 600, memoryBytes: 1.5e9, pids: 100 },
    ...patch,
  });
const make = (patch: Partial<WorkloadSpec> = {}) =>
  appTemplate({ spec: spec(patch), maker, app, attempt: 1, uid: undefined, credentials: undefined });

describe("appName", () => {
  it.each(["files", "a".repeat(63), "1-starts-with-a-digit", "ends.with.dots", "---"])(
    "is a name of Code Engine for %s",
    (name) => {
      expect(appNameTrouble(appName(maker, { ...owner, name }))).toBeUndefined();
    },
  );

  it("is another for another installation, backend or deployment, and always the same", () => {
    const names = [
      appName(maker, owner),
      appName(maker, { ...owner, uid: "u-2" }),
      appName({ ...maker, backend: "other" }, owner),
      appName({ ...maker, installation: "i-2" }, owner),
    ];
    expect(new Set(names).size).toBe(4);
    expect(appName(maker, owner)).toBe(app);
  });
});

describe("appTemplate", () => {
  it("takes the largest size within the limits, one instance, and its project only", () => {
    expect(make().prototype).toMatchObject({
      scale_cpu_limit: "0.5",
      scale_memory_limit: "1G",
      scale_min_instances: 1,
      scale_max_instances: 1,
      managed_domain_mappings: "local",
      run_service_account: "none",
      run_compute_resource_token_enabled: false,
    });
  });

  it("refuses limits below the smallest size", () => {
    const limits = { cpuMillis: 100, memoryBytes: 1e9, pids: 1 };
    expect(() => make({ limits })).toThrow(expect.objectContaining({ reason: "LimitExceeded" }));
  });

  it("keeps what may be secret out of the app, and refers to it", () => {
    const { prototype, secrets, configMaps } = make({
      env: { MODE: "fast", TOKEN: "hidden" },
      secretVariables: new Set(["TOKEN"]),
    });
    expect(JSON.stringify(prototype)).not.toMatch(/hidden|fast/);
    expect(secrets).toEqual([{ format: "generic", name: expect.any(String), data: { TOKEN: "hidden" } }]);
    expect(configMaps).toEqual([{ name: expect.any(String), data: { MODE: "fast" } }]);
    expect(partsOf(prototype)).toEqual({ secrets: [secrets[0]?.name], configMaps: [configMaps[0]?.name] });
    expect([secrets[0]?.name, configMaps[0]?.name].map((name) => configNameTrouble(name ?? ""))).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("takes any variable for a secret where nobody says otherwise", () => {
    expect(make({ env: { TOKEN: "hidden" } })).toMatchObject({
      configMaps: [],
      secrets: [{ data: { TOKEN: "hidden" } }],
    });
  });

  it("says in each revision whose it is, and from what it was made", () => {
    const { run_env_variables = [] } = make().prototype;
    expect(marksOf({ run_env_variables }, maker)).toEqual({ owner, hash: "first", attempt: 1 });
    expect(marksOf({ run_env_variables }, { ...maker, installation: "other" })).toBeUndefined();
  });

  it("has no endpoint outside where nothing may come in, whatever the visibility", () => {
    const confinement = { ...spec().confinement, network: { egress: { kind: "closed" } as const, ingressPorts: [] } };
    expect(make({ confinement, visibility: "public" }).prototype.managed_domain_mappings).toBe("local");
  });
});
