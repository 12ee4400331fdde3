import { describe, expect, it } from "@jest/globals";
import type { Secret } from "../api/core.ts";
import { buildRequest } from "./build-request.ts";
import type { GitSource } from "./source.ts";

const SOURCE: GitSource = {
  kind: "git",
  url: "git@git.test:team/files",
  revision: "main",
  contextDir: "",
  dockerfile: "Dockerfile",
  buildArgs: { A: "1" },
  credentialsSecret: undefined,
  push: { repository: "registry.test/files", secret: "push" },
  timeoutSeconds: 60,
  rebuild: "",
};

function secret(name: string, type: string, data: Record<string, string>): Secret {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  const metadata = { name, uid: "", resourceVersion: "1", creationTimestamp: "" };
  return { apiVersion: "v1", kind: "Secret", metadata, type, data: Object.fromEntries(encoded) };
}

const SECRETS = [
  secret("ssh", "kubernetes.io/ssh-auth", { "ssh-privatekey": "s3cret" }),
  secret("known", "kubernetes.io/ssh-auth", { "ssh-privatekey": "s3cret", known_hosts: "git.test ssh-ed25519 A" }),
  secret("basic", "kubernetes.io/basic-auth", { username: "me", password: "s3cret" }),
  secret("nameless", "kubernetes.io/basic-auth", { password: "s3cret" }),
  secret("push", "kubernetes.io/dockerconfigjson", { ".dockerconfigjson": "{}" }),
  secret("opaque", "Opaque", { "ssh-privatekey": "s3cret", ".dockerconfigjson": "s3cret" }),
];
const objects = { secret: (name: string) => SECRETS.find(({ metadata }) => metadata.name === name) };
const request = (patch: Partial<GitSource> = {}) => buildRequest({ ...SOURCE, ...patch }, objects);
const HTTPS = "https://git.test/team/files";

describe("the request of a build", () => {
  it.each<{ because: string; given: Partial<GitSource>; want: object }>([
    { because: "what is public needs no credentials", given: { url: HTTPS }, want: { credentials: undefined } },
    {
      because: "a key opens ssh",
      given: { credentialsSecret: "ssh" },
      want: { credentials: { kind: "ssh", privateKey: "s3cret", knownHosts: undefined } },
    },
    {
      because: "known hosts go with it",
      given: { credentialsSecret: "known", url: "ssh://git@git.test/files" },
      want: { credentials: { kind: "ssh", privateKey: "s3cret", knownHosts: "git.test ssh-ed25519 A" } },
    },
    {
      because: "a password opens https",
      given: { credentialsSecret: "basic", url: HTTPS },
      want: { credentials: { kind: "basic", username: "me", password: "s3cret" } },
    },
  ])("holds the credentials: $because", ({ given, want }) => {
    const made = request(given);
    expect(made.source).toMatchObject(want);
    expect(made).toMatchObject({ buildArgs: { A: "1" }, timeoutSeconds: 60 });
  });

  it.each<{ because: string; given: Partial<GitSource>; want: unknown }>([
    { because: "its Secret", given: {}, want: { repository: "registry.test/files", dockerConfig: "{}" } },
    {
      because: "the backend's own",
      given: { push: { repository: "registry.test/files", secret: undefined } },
      want: { repository: "registry.test/files", dockerConfig: undefined },
    },
    { because: "it stays where it is", given: { push: undefined }, want: undefined },
  ])("says where the image goes, and with what: $because", ({ given, want }) => {
    expect(request(given).push).toEqual(want);
  });

  it.each<{ because: string; given: Partial<GitSource>; reason: string; message: RegExp }>([
    {
      because: "there is no such Secret",
      given: { credentialsSecret: "none" },
      reason: "SecretNotFound",
      message:
        /^spec\.source\.git\.credentialsRef: Secret "none" does not exist; create it .*ssh-auth or .*basic-auth$/,
    },
    {
      because: "it is of another type",
      given: { credentialsSecret: "opaque" },
      reason: "InvalidSpec",
      message: /^spec\.source\.git\.credentialsRef: Secret "opaque" is of type Opaque; make it again with type/,
    },
    {
      because: "a key is missing",
      given: { credentialsSecret: "nameless", url: HTTPS },
      reason: "SecretNotFound",
      message: /credentialsRef: Secret "nameless" has no key "username"; add the key$/,
    },
    {
      because: "a key of ssh does not open https",
      given: { credentialsSecret: "ssh", url: HTTPS },
      reason: "InvalidSpec",
      message: /"ssh" is of type kubernetes\.io\/ssh-auth, and https:.* asked by https; name .*basic-auth/,
    },
    {
      because: "a password does not open ssh",
      given: { credentialsSecret: "basic" },
      reason: "InvalidSpec",
      message: /asked by ssh; name a Secret of type kubernetes\.io\/ssh-auth/,
    },
    {
      because: "there is no Secret to push with",
      given: { push: { repository: "registry.test/files", secret: "none" } },
      reason: "SecretNotFound",
      message: /^spec\.source\.git\.push\.secretRef: Secret "none" does not exist/,
    },
    {
      because: "it is none of a registry",
      given: { push: { repository: "registry.test/files", secret: "opaque" } },
      reason: "InvalidSpec",
      message: /^spec\.source\.git\.push\.secretRef: Secret "opaque" is of type Opaque; .*dockerconfigjson/,
    },
  ])("names field and remedy, and no value: $because", ({ given, reason, message }) => {
    expect(() => request(given)).toThrow(expect.objectContaining({ reason, message: expect.stringMatching(message) }));
    expect(() => request(given)).not.toThrow(/s3cret/);
  });
});
