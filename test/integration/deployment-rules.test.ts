import { describe, expect, it } from "@jest/globals";
import { objectSchema } from "../../src/api/v1alpha1/kind-schema.ts";
import { runtimeBackendSchema } from "../../src/api/v1alpha1/runtime-backend.schema.ts";
import { runtimeDeploymentSchema } from "../../src/api/v1alpha1/runtime-deployment.schema.ts";
import { compileSchema } from "../../src/server/schema/compiled-schema.ts";

const schema = compileSchema(objectSchema(runtimeDeploymentSchema));

const withVolumes = (...volumes: object[]) => {
  const deployment = {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "files" },
    spec: { source: { image: { reference: "registry.test/files:1" } }, transport: {}, volumes },
  };
  schema.applyDefaults(deployment);
  return deployment;
};
const withSpec = (patch: object) => {
  const deployment = withVolumes();
  return { ...deployment, spec: { ...deployment.spec, ...patch } };
};
const backends = compileSchema(objectSchema(runtimeBackendSchema));
const backendWith = (defaultScaling: object) => {
  const codeEngine = { region: "us-south", project: { name: "tools" }, apiKeySecretRef: { namespace: "a", name: "b" } };
  const backend = {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeBackend",
    metadata: { name: "ibm" },
    spec: { type: "code-engine", codeEngine: { ...codeEngine, defaultScaling } },
  };
  backends.applyDefaults(backend);
  return backend;
};
const data = (volume: object) => ({ name: "data", mountPath: "/data", volume });

describe("spec.volumes[*].volume.retain", () => {
  it.each([
    { because: "data would be removed that was to be kept", from: { retain: false }, to: { retain: true }, refused: 1 },
    { because: "nobody would remove it", from: { retain: true }, to: { retain: false }, refused: 1 },
    { because: "the default is false", from: {}, to: { retain: true }, refused: 1 },
    { because: "it is the same", from: {}, to: { retain: false }, refused: 0 },
  ])("from $from to $to: $because", ({ from, to, refused }) => {
    const other = { name: "other", mountPath: "/other", volume: { retain: true } };
    const errors = schema.validate(withVolumes(other, data(to)), withVolumes(data(from)));
    expect(errors.map(({ path }) => path)).toEqual(Array(refused).fill("spec.volumes[1].volume.retain"));
  });
});

describe("scaling", () => {
  it.each([
    { scaling: {}, refused: [] },
    { scaling: { min: 250, max: 250, initial: 250, concurrency: 1000 }, refused: [] },
    { scaling: { min: 0, initial: 0, downDelaySeconds: 3600, requestTimeoutSeconds: 600 }, refused: [] },
    { scaling: { min: 251 }, refused: ["min"] },
    { scaling: { max: 251 }, refused: ["max"] },
    { scaling: { max: 0 }, refused: ["max"] },
    { scaling: { initial: 251 }, refused: ["initial"] },
    { scaling: { concurrency: 1001 }, refused: ["concurrency"] },
    { scaling: { downDelaySeconds: 3601 }, refused: ["downDelaySeconds"] },
    { scaling: { requestTimeoutSeconds: 601 }, refused: ["requestTimeoutSeconds"] },
    { scaling: { requestTimeoutSeconds: 0 }, refused: ["requestTimeoutSeconds"] },
    { scaling: { min: 3, max: 2 }, refused: [""] },
    { scaling: { initial: 3, max: 2 }, refused: [""] },
  ])("of $scaling is refused for $refused, of a deployment and of a backend alike", ({ scaling, refused }) => {
    const paths = (at: string) => refused.map((member) => (member === "" ? at : `${at}.${member}`));
    const deployment = schema.validate(withSpec({ scaling }));
    expect(deployment.map(({ path }) => path)).toEqual(paths("spec.scaling"));
    const backend = backends.validate(backendWith(scaling));
    expect(backend.map(({ path }) => path)).toEqual(paths("spec.codeEngine.defaultScaling"));
  });
});

describe("spec.health.liveness", () => {
  it.each([
    { liveness: {}, refused: undefined },
    { liveness: { probe: "http", path: "/alive", periodSeconds: 60, initialDelaySeconds: 10 }, refused: undefined },
    { liveness: { probe: "mcp" }, refused: "probe" },
    { liveness: { path: "alive" }, refused: "path" },
    { liveness: { periodSeconds: 61 }, refused: "periodSeconds" },
    { liveness: { timeoutSeconds: 0 }, refused: "timeoutSeconds" },
    { liveness: { failureThreshold: 11 }, refused: "failureThreshold" },
    { liveness: { initialDelaySeconds: 0 }, refused: "initialDelaySeconds" },
  ])("$liveness is refused for $refused", ({ liveness, refused }) => {
    const deployment = withSpec({ health: { liveness } });
    schema.applyDefaults(deployment);
    const [first] = schema.validate(deployment);
    expect(first?.path).toBe(refused && `spec.health.liveness.${refused}`);
  });
});
