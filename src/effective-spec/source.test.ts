import { describe, expect, it } from "@jest/globals";
import { REBUILD_ANNOTATION, type RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { referencedObjects } from "./effective-spec.ts";
import { buildKey, chooseSource, type GitSource } from "./source.ts";

type Git = NonNullable<RuntimeDeploymentSpec["source"]["git"]>;

const GIT: Git = {
  url: "https://git.test/team/files",
  branch: "main",
  dockerfile: "Dockerfile",
  timeoutSeconds: 600,
  push: { repository: "registry.test/files", secretRef: { name: "push" } },
};

function gitSource(patch: Partial<Git> = {}, annotations = {}): GitSource {
  const source = chooseSource({ git: { ...GIT, ...patch } }, annotations);
  if (source.kind !== "git") throw new Error("it is an image");
  return source;
}
const key = (patch: Partial<Git> = {}, annotations = {}) => buildKey(gitSource(patch, annotations));

describe("a source", () => {
  it("is an image, as it was written", () => {
    const image = { reference: "files:1", pullPolicy: "Always", pullSecretRef: { name: "pull" } } as const;
    const want = { kind: "image", reference: "files:1", pullPolicy: "Always", pullSecret: "pull" };
    expect(chooseSource({ image })).toEqual(want);
  });

  it.each(["npm", "pypi"] as const)("is a package of %s", (registry) => {
    const given = { package: { [registry]: "server", version: "1.2.3" } };
    expect(chooseSource(given)).toEqual({ kind: "package", registry, name: "server", version: "1.2.3" });
  });

  it.each([
    { because: "of two registries", given: { npm: "server", pypi: "server", version: "1" } },
    { because: "of none", given: { version: "1" } },
  ])("is no package $because", ({ given }) => {
    const refused = { reason: "InvalidSpec", message: "spec.source.package: must have one of npm and pypi" };
    expect(() => chooseSource({ package: given })).toThrow(expect.objectContaining(refused));
  });

  it.each<{ because: string; given: Partial<Git>; want: Partial<GitSource> }>([
    { because: "a tag is a revision", given: { tag: "v1" }, want: { revision: "v1" } },
    { because: "a commit is one", given: { commit: "a".repeat(40) }, want: { revision: "a".repeat(40) } },
    { because: "the root has no name", given: { contextDir: "." }, want: { contextDir: "" } },
    { because: "a folder has one name", given: { contextDir: "./src//server/" }, want: { contextDir: "src/server" } },
    { because: "a file has one, too", given: { dockerfile: "./Dockerfile" }, want: { dockerfile: "Dockerfile" } },
    {
      because: "Secrets are names",
      given: { credentialsRef: { name: "key" } },
      want: { credentialsSecret: "key", push: { repository: "registry.test/files", secret: "push" } },
    },
  ])("is a git repository: $because", ({ given, want }) => {
    const { branch: _, ...rest } = GIT;
    expect(chooseSource({ git: { ...rest, ...given } })).toMatchObject({ kind: "git", ...want });
  });

  it("is one of the two", () => {
    expect(() => chooseSource({})).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });

  it.each(["A-B", "1A", "", "A B", "x".repeat(254)])("takes no ARG of the name %j", (name) => {
    expect(() => gitSource({ buildArgs: { [name]: "x" } })).toThrow(/^spec\.source\.git\.buildArgs: ".*" is no name/);
  });

  it("refers to the Secrets that it is built with, so that their changes are seen", () => {
    const spec = { source: { git: { ...GIT, credentialsRef: { name: "key" } } } } as RuntimeDeploymentSpec;
    expect(referencedObjects(spec)).toEqual({ secrets: ["key", "push"], configMaps: [] });
  });
});

describe("the key of a build", () => {
  it("is forty hexadecimal digits, and always the same", () => {
    // Another value here means that everything is built anew by an upgrade.
    expect(key()).toBe("fa730b149bfeaada063996a5cf4a2ce176629c08");
  });

  it.each<{ because: string; given: Partial<Git>; annotations?: Record<string, string> }>([
    { because: "another repository", given: { url: "https://git.test/team/other" } },
    { because: "another revision", given: { branch: "next" } },
    { because: "another folder", given: { contextDir: "server" } },
    { because: "another Dockerfile", given: { dockerfile: "Dockerfile.slim" } },
    { because: "another argument", given: { buildArgs: { VERSION: "2" } } },
    { because: "another place for the image", given: { push: { repository: "registry.test/other" } } },
    { because: "somebody asks for it", given: {}, annotations: { [REBUILD_ANNOTATION]: "1" } },
  ])("is another for $because", ({ given, annotations }) => {
    expect(key(given, annotations)).not.toBe(key());
  });

  it.each<{ because: string; given: Partial<Git>; annotations?: Record<string, string> }>([
    { because: "another limit of time", given: { timeoutSeconds: 5 } },
    { because: "another Secret to clone with", given: { credentialsRef: { name: "another" } } },
    { because: "another Secret to push with", given: { push: { repository: "registry.test/files" } } },
    { because: "the same folder", given: { contextDir: "./" } },
    { because: "another annotation", given: {}, annotations: { other: "1" } },
  ])("is the same for $because", ({ given, annotations }) => {
    expect(key(given, annotations)).toBe(key());
  });

  it("does not depend on the order of arguments", () => {
    expect(key({ buildArgs: { A: "1", B: "2" } })).toBe(key({ buildArgs: { B: "2", A: "1" } }));
  });
});
