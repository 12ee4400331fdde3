import { describe, expect, it } from "@jest/globals";
import { credentialsFor } from "./registry-credentials.ts";

const auth = Buffer.from("reader:open:sesame").toString("base64");
const reader = { username: "reader", password: "open:sesame" };

function config(auths: unknown): string {
  return JSON.stringify({ auths });
}

describe("credentialsFor", () => {
  it.each([
    { key: "ghcr.io", name: "ghcr.io/x/y" },
    { key: "https://ghcr.io", name: "ghcr.io/x/y" },
    { key: "https://index.docker.io/v1/", name: "docker.io/library/nginx" },
    { key: "index.docker.io/v1/", name: "docker.io/library/nginx" },
    { key: "docker.io", name: "docker.io/library/nginx" },
    { key: "registry-1.docker.io", name: "docker.io/x/y" },
    { key: "ghcr.io/team", name: "ghcr.io/team/x" },
    { key: "127.0.0.1:5000", name: "127.0.0.1:5000/x" },
    { key: "https://example.com/v2/", name: "example.com/x" },
    { key: "*.azurecr.io", name: "team.azurecr.io/x" },
  ])("uses the entry $key for $name", ({ key, name }) => {
    expect(credentialsFor(config({ [key]: { auth } }), name)).toMatchObject(reader);
  });

  it.each([
    { because: "another registry", key: "ghcr.io", name: "quay.io/x" },
    { because: "another port", key: "127.0.0.1:5000", name: "127.0.0.1:5001/x" },
    { because: "part of a segment", key: "ghcr.io/team", name: "ghcr.io/team-evil/x" },
    { because: "part of a host", key: "example.com", name: "evil-example.com/x" },
    { because: "a host that only begins so", key: "example.com", name: "example.com.evil/x" },
    { because: "one label, not two", key: "*.azurecr.io", name: "a.b.azurecr.io/x" },
  ])("keeps credentials from $name: $because", ({ key, name }) => {
    expect(credentialsFor(config({ [key]: { auth } }), name)).toBeUndefined();
  });

  it("prefers the longest match", () => {
    const auths = { "ghcr.io": { auth }, "ghcr.io/team": { username: "team", password: "p" } };
    expect(credentialsFor(config(auths), "ghcr.io/team/x")).toMatchObject({ username: "team" });
  });

  it.each([
    { because: "the pair is spelled out", entry: { username: "reader", password: "open:sesame" }, want: reader },
    { because: "a token stands for it", entry: { auth, identitytoken: "t" }, want: { identitytoken: "t" } },
    { because: "it is encoded", entry: { auth }, want: reader },
  ])("understands an entry: $because", ({ entry, want }) => {
    expect(credentialsFor(config({ "ghcr.io": entry }), "ghcr.io/x")).toEqual({ ...want, serveraddress: "ghcr.io" });
  });

  it("asks without credentials where there is no Secret", () => {
    expect(credentialsFor(undefined, "ghcr.io/x")).toBeUndefined();
    expect(credentialsFor("{}", "ghcr.io/x")).toBeUndefined();
  });

  it.each([
    { because: "it is no JSON", text: '{"auths":{"ghcr.io":{"password":"hunter2"' },
    { because: "it is a list", text: '["hunter2"]' },
    { because: "auths is a string", text: '{"auths":"hunter2"}' },
    { because: "an entry is a string", text: config({ "ghcr.io": "hunter2" }) },
    { because: "an entry is empty", text: config({ "ghcr.io": { password: "hunter2" } }) },
    { because: "auth has no colon", text: config({ "ghcr.io": { auth: "aHVudGVyMg==" } }) },
  ])("refuses a Secret without quoting it: $because", ({ text }) => {
    const read = (): unknown => credentialsFor(text, "ghcr.io/x");
    expect(read).toThrow(expect.objectContaining({ reason: "ImagePullUnauthorized", name: "TransientError" }));
    expect(read).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/hunter2|aHVudGVyMg/) }));
    expect(read).toThrow(expect.not.objectContaining({ cause: expect.anything() }));
  });
});
