import { describe, expect, it } from "@jest/globals";
import { objectSchema } from "../../src/api/v1alpha1/kind-schema.ts";
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
