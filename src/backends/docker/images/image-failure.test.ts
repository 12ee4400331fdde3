import { describe, expect, it } from "@jest/globals";
import { TransientError } from "../../../machinery/errors.ts";
import { EngineError, EngineTimeout } from "../engine/engine-error.ts";
import { describeImageFailure, imageFailure } from "./image-failure.ts";

describe("describeImageFailure", () => {
  it.each([
    { said: "manifest unknown: manifest unknown", want: "ImageNotFound" },
    { said: 'manifest for ghcr.io/x:1 not found: manifest unknown: requested "1"', want: "ImageNotFound" },
    { said: "no matching manifest for linux/arm64/v8 in the manifest list entries", want: "ImageNotFound" },
    { said: "unauthorized: authentication required", want: "ImagePullUnauthorized" },
    {
      said: "pull access denied for x, repository does not exist or may require 'docker login': denied: requested access",
      want: "ImagePullUnauthorized",
    },
    { said: 'error parsing HTTP 404 response body: unexpected end of JSON input: ""', want: "ImageNotFound" },
    { said: "error parsing HTTP 403 response body: invalid character", want: "ImagePullUnauthorized" },
    { said: "no basic auth credentials", want: "ImagePullUnauthorized" },
    { said: "received unexpected HTTP status: 403 Forbidden", want: "ImagePullUnauthorized" },
    { said: "toomanyrequests: You have reached your pull rate limit", want: "ImagePullFailed" },
    { said: "write /var/lib/docker/tmp/x: no space left on device", want: "ImagePullFailed" },
    { said: "received unexpected HTTP status: 500 Internal Server Error", want: "ImagePullFailed" },
    { said: 'Get "https://x/v2/": dial tcp: lookup x: no such host', want: "ImagePullFailed" },
    { said: 'Get "https://x/v2/": dial tcp 10.0.0.1:443: connect: connection refused', want: "ImagePullFailed" },
    { said: 'Get "https://x/v2/": net/http: TLS handshake timeout', want: "ImagePullFailed" },
    { said: 'Get "https://x/v2/": x509: certificate signed by unknown authority', want: "ImagePullFailed" },
    { said: "http: server gave HTTP response to HTTPS client", want: "ImagePullFailed" },
    { said: "filesystem layer verification failed for digest sha256:0", want: "ImagePullFailed" },
  ])("takes “$said” for $want", ({ said, want }) => {
    const error = describeImageFailure(said, "ghcr.io/x:1");
    expect(error).toMatchObject({ reason: want, message: expect.stringMatching(/^image ghcr\.io\/x:1: .+; .+/) });
    expect(error.message).toContain(said);
  });

  it("waits longer for a rate limit", () => {
    expect(describeImageFailure("toomanyrequests", "x").retryAfterMs).toBeGreaterThan(60_000);
    expect(describeImageFailure("unexpected EOF", "x").retryAfterMs).toBeUndefined();
  });
});

describe("imageFailure", () => {
  it.each([
    { because: "words are unknown, the status is not", status: 401, said: "go away", want: "ImagePullUnauthorized" },
    { because: "words are unknown, the status is not", status: 404, said: "?", want: "ImageNotFound" },
    { because: "neither says anything", status: 500, said: "oops", want: "ImagePullFailed" },
  ])("classifies an answer with status $status: $because", ({ status, said, want }) => {
    const cause = new EngineError("ask the registry", status, said, undefined);
    expect(imageFailure(cause, "x")).toMatchObject({ reason: want, cause });
  });

  it("takes a question without answer for a registry that is away", () => {
    const cause = new EngineTimeout("ask the registry", "unix:///x", 60_000);
    expect(imageFailure(cause, "x")).toMatchObject({ reason: "ImagePullFailed", cause });
  });

  it("leaves alone what is not about the image", () => {
    const away = new TransientError("BackendUnavailable", "away");
    expect(imageFailure(away, "x")).toBe(away);
  });
});
