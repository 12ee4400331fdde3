import { describe, expect, it } from "@jest/globals";
import { TransientError } from "../../../machinery/errors.ts";
import { classifyEngineError, EngineError, hasStatus } from "./engine-error.ts";

const address = "unix:///run/docker.sock";

function failed(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

describe("classifyEngineError", () => {
  it.each([
    { code: "ENOENT", says: /systemctl start docker/ },
    { code: "ECONNREFUSED", says: /not running.*systemctl start docker/ },
    { code: "EACCES", says: /usermod -aG docker/ },
    { code: "ENOTFOUND", says: /does not resolve/ },
    { code: "ETIMEDOUT", says: /firewall/ },
    { code: "ECONNRESET", says: /restarting/ },
    { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE", says: /tlsSecretRef/ },
    { code: "EPROTO", says: /tlsSecretRef/ },
    { code: "ESOMETHING", says: /ESOMETHING/ },
  ])("names the remedy for $code", ({ code, says }) => {
    const cause = failed(code);
    const error = classifyEngineError(cause, "list containers", address);
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ reason: "BackendUnavailable", message: expect.stringMatching(says), cause });
    expect((error as Error).message).toContain(address);
  });

  it("keeps what the Engine said, its status and the cause", () => {
    const cause = Object.assign(new Error("(HTTP code 409) unexpected - taken "), {
      statusCode: 409,
      json: { message: "Conflict. The name is taken.\n" },
    });
    const error = classifyEngineError(cause, "create a container", address);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ status: 409, said: "Conflict. The name is taken.", reason: "BackendError", cause });
    expect((error as Error).message).toBe(
      "the Docker Engine could not create a container: Conflict. The name is taken. (HTTP 409)",
    );
    expect(hasStatus(error, 404, 409)).toBe(true);
    expect(hasStatus(error, 404)).toBe(false);
  });

  it.each([
    { because: "it is ours already", error: new TransientError("PortConflict", "taken") },
    { because: "the caller gave up", error: new DOMException("aborted", "AbortError") },
    { because: "it is a bug, not an answer", error: new TypeError("x is not a function") },
    { because: "it is no error at all", error: "thrown" },
  ])("passes on what it should not touch: $because", ({ error }) => {
    expect(classifyEngineError(error, "list", address)).toBe(error);
  });
});
