import { describe, expect, it } from "@jest/globals";
import { objectSchema } from "../../src/api/v1alpha1/kind-schema.ts";
import { runtimeDeploymentSchema } from "../../src/api/v1alpha1/runtime-deployment.schema.ts";
import { compileSchema } from "../../src/server/schema/compiled-schema.ts";

const schema = compileSchema(objectSchema(runtimeDeploymentSchema));

function problems(source: object): string[] {
  const deployment = {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "files" },
    spec: { source, transport: {} },
  };
  schema.applyDefaults(deployment);
  const errors = schema
    .validate(deployment)
    .filter(({ message }) => !/some validation rules were not checked/.test(message));
  return errors.map(({ path, message }) => `${path.replace("spec.source", "")} ${message}`);
}

const URL_OK = "https://git.test/team/files";
const git = (patch: object = {}) => ({ git: { url: URL_OK, ...patch } });

describe("spec.source", () => {
  it.each<{ because: string; source: object }>([
    { because: "an image", source: { image: { reference: "files:1" } } },
    { because: "a repository is enough", source: git() },
    { because: "with a port", source: git({ url: "https://git.test:8443/files.git" }) },
    { because: "by ssh", source: git({ url: "git@git.test:team/files", credentialsRef: { name: "k" } }) },
    { because: "by ssh, as a URL", source: git({ url: "ssh://git@git.test:2222/x", credentialsRef: { name: "k" } }) },
    { because: "a branch with a slash", source: git({ branch: "feature/42_a.b" }) },
    { because: "a commit", source: git({ commit: "0123abcd".repeat(5) }) },
    { because: "a folder", source: git({ contextDir: "servers/files", dockerfile: "docker/Dockerfile.prod" }) },
    { because: "dots that are no segment", source: git({ contextDir: "a..b/..c" }) },
    { because: "a registry", source: git({ push: { repository: "us.icr.io/team/files", secretRef: { name: "r" } } }) },
    { because: "a registry with a port", source: git({ push: { repository: "localhost:5000/files" } }) },
    { because: "an hour", source: git({ timeoutSeconds: 3600 }) },
    { because: "arguments", source: git({ buildArgs: { VERSION: "1.2" } }) },
  ])("takes $because", ({ source }) => {
    expect(problems(source)).toEqual([]);
  });

  it.each<{ because: string; source: object; says: RegExp }>([
    { because: "none", source: {}, says: /^ .*exactly one of image, git, package, process and remote must be set/ },
    {
      because: "both",
      source: { ...git(), image: { reference: "files:1" } },
      says: /^ .*exactly one of image, git, package, process and remote must be set/,
    },
    { because: "no address", source: { git: {} }, says: /^\.git\.url Required/ },
    { because: "http", source: git({ url: "http://git.test/x" }), says: /^\.git\.url .*use https:\/\// },
    { because: "a password", source: git({ url: "https://me:pw@git.test/x" }), says: /^\.git\.url .*credentialsRef/ },
    { because: "a token", source: git({ url: "https://token@git.test/x" }), says: /^\.git\.url .*credentialsRef/ },
    { because: "a slash at the end", source: git({ url: `${URL_OK}/` }), says: /^\.git\.url .*not end with a slash/ },
    { because: "a query", source: git({ url: `${URL_OK}?a=b` }), says: /^\.git\.url .*must be https:\/\/HOST\/PATH/ },
    { because: "a file", source: git({ url: "file:///etc" }), says: /^\.git\.url .*must be https:\/\/HOST\/PATH/ },
    {
      because: "an option of ssh",
      source: git({ url: "git@-oProxyCommand=x:y", credentialsRef: { name: "k" } }),
      says: /^\.git\.url .*must be/,
    },
    { because: "another protocol of git", source: git({ url: "ext::sh -c id" }), says: /^\.git\.url .*must be/ },
    { because: "no path", source: git({ url: "https://git.test" }), says: /^\.git\.url .*must be/ },
    {
      because: "ssh without a key",
      source: git({ url: "git@git.test:x" }),
      says: /^\.git .*credentialsRef must be set/,
    },
    {
      because: "a branch and a tag",
      source: git({ branch: "main", tag: "v1" }),
      says: /^\.git .*at most one of branch, tag and commit may be set/,
    },
    { because: "an option of git", source: git({ branch: "--upload-pack=x" }), says: /^\.git\.branch .*should match/ },
    { because: "half a commit", source: git({ commit: "0123abc" }), says: /^\.git\.commit .*should match/ },
    {
      because: "the root of a machine",
      source: git({ contextDir: "/etc" }),
      says: /^\.git\.contextDir .*without a slash/,
    },
    {
      because: "the folder above",
      source: git({ contextDir: "a/../../b" }),
      says: /^\.git\.contextDir .*segment \.\./,
    },
    {
      because: "a file above",
      source: git({ dockerfile: "../Dockerfile" }),
      says: /^\.git\.dockerfile .*segment \.\./,
    },
    {
      because: "a tag",
      source: git({ push: { repository: "us.icr.io/team/files:1" } }),
      says: /^\.git\.push\.repository .*neither tag nor digest/,
    },
    {
      because: "a digest",
      source: git({ push: { repository: "us.icr.io/team/files@sha256:00" } }),
      says: /^\.git\.push\.repository .*neither tag nor digest/,
    },
    {
      because: "no registry",
      source: git({ push: { repository: "team/files" } }),
      says: /^\.git\.push\.repository .*must be REGISTRY\/REPOSITORY/,
    },
    {
      because: "upper case",
      source: git({ push: { repository: "us.icr.io/Team/files" } }),
      says: /^\.git\.push\.repository .*lower case/,
    },
    {
      because: "a second more than an hour",
      source: git({ timeoutSeconds: 3601 }),
      says: /^\.git\.timeoutSeconds .*3600/,
    },
    { because: "no time", source: git({ timeoutSeconds: 0 }), says: /^\.git\.timeoutSeconds .*1/ },
  ])("refuses $because, once", ({ source, says }) => {
    const found = problems(source);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(says);
  });
});
