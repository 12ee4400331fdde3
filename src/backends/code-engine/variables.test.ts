import { describe, expect, it } from "@jest/globals";
import { expandVariables, type ProjectFacts } from "./variables.ts";

const ref = (name: string) => `\${${name}}`;
const SUB = ref("CE_SUBDOMAIN");
const ID = ref("CE_PROJECT_ID");
const project: ProjectFacts = { id: "0-1-2", region: "eu-de", subdomain: "vg67" };
const peer = { uid: "u-1", name: "peer" };
const expand = (env: Record<string, string>, facts: Partial<ProjectFacts> = {}) =>
  expandVariables({
    env,
    project: { ...project, ...facts },
    siblings: (name) => (name === peer.name ? peer : undefined),
    appOf: ({ uid, name }) => `slipway-${name}-${uid}`,
    backend: "ibm",
  });

describe("expandVariables", () => {
  it.each([
    { because: "what is known of the project", value: `${ID} ${SUB} ${ref("CE_REGION")}`, want: "0-1-2 vg67 eu-de" },
    {
      because: "the address of a sibling",
      value: `http://peer.${SUB}.svc.cluster.local/mcp`,
      want: "http://slipway-peer-u-1.vg67.svc.cluster.local/mcp",
    },
    {
      because: "its address by the project's ID",
      value: `http://peer.${ID}.svc.cluster.local/mcp`,
      want: "http://slipway-peer-u-1.vg67.svc.cluster.local/mcp",
    },
    { because: "other text as it is", value: `${ref("HOME")} $${SUB}`, want: `${ref("HOME")} ${SUB}` },
  ])("puts in $because", ({ value, want }) => {
    expect(expand({ A: value, B: "plain" })).toEqual({ env: { A: want, B: "plain" }, missing: [], waits: false });
  });

  it("keeps the name of what is no sibling, and says so once", () => {
    const value = `other.${SUB}.svc.cluster.local`;
    expect(expand({ A: `${value} ${value}` })).toEqual({
      env: { A: "other.vg67.svc.cluster.local other.vg67.svc.cluster.local" },
      missing: [
        'env A: "other" is no RuntimeDeployment of this namespace on RuntimeBackend "ibm", so its name is kept',
      ],
      waits: false,
    });
  });

  it("keeps the text of what nobody can tell yet, and the rest goes in", () => {
    const address = `peer.${ID}.svc.cluster.local`;
    expect(expand({ A: `${address} ${ID}`, B: SUB }, { subdomain: undefined })).toEqual({
      env: { A: `${address} 0-1-2`, B: SUB },
      missing: [
        `env A: ${address} is kept until the project has an app that tells its subdomain`,
        `env B: ${SUB} is kept until the project has an app that tells its subdomain`,
      ],
      waits: true,
    });
  });

  it.each([ref("CE_APP"), ref("CE_"), ["$", "{CE_REGION"].join(""), ref("CE_region")])(
    "refuses %s, naming the variable, the reference and what there is, and nothing more of the value",
    (text) => {
      const value = `pass:word@${text} pass:word`;
      const refusal = (work: () => unknown) => {
        try {
          return work();
        } catch (error) {
          return error;
        }
      };
      const error = refusal(() => expand({ PEER: value }));
      expect(error).toMatchObject({ reason: "InvalidSpec", message: expect.stringContaining("the value of PEER") });
      const { message } = error as Error;
      expect(message).toContain(text);
      for (const known of [ID, SUB, ref("CE_REGION")]) expect(message).toContain(known);
      expect(message).not.toContain("pass");
    },
  );
});
