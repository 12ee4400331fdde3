import { describe, expect, it } from "@jest/globals";
import { EngineError } from "../engine/engine-error.ts";
import { createFailure } from "./create-failure.ts";
import { isNetworkGone, isPortTaken, isTaskLeft, startFailure } from "./start-failure.ts";

const answer = (status: number, said: string) => new EngineError("start a container", status, said, undefined);

describe("startFailure", () => {
  it.each([
    {
      said: 'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown',
      says: 'exec: "/nope": stat /nope: no such file or directory;',
    },
    {
      said: 'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "x": executable file not found in $PATH: unknown',
      says: "executable file not found",
    },
    {
      said: 'unable to start container process: error during container init: exec: "/data": permission denied',
      says: "permission denied",
    },
  ])("is final for a program that cannot be run: $says", ({ said, says }) => {
    const error = startFailure(answer(400, said));
    expect(error).toMatchObject({ name: "TerminalError", reason: "StartFailed" });
    expect((error as Error).message).toContain(says);
    expect((error as Error).message).toContain("spec.command");
  });

  it("may heal for anything else", () => {
    const error = startFailure(answer(500, "error creating overlay mount: no such file or directory"));
    expect(error).toMatchObject({ name: "TransientError", reason: "StartFailed" });
  });

  it.each([
    "Bind for 127.0.0.1:20001 failed: port is already allocated",
    "Error starting userland proxy: listen tcp4 127.0.0.1:20001: bind: address already in use",
  ])("knows a port that is taken: %s", (said) => {
    expect(isPortTaken(answer(500, `driver failed programming external connectivity: ${said}`))).toBe(true);
  });

  it.each([
    { said: "task e0b5e3e9e2c7: already exists", left: true },
    {
      said: "failed to start shim: mkdir /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/08adfaba7194: file exists: unknown",
      left: true,
    },
    { said: "failed to mkdir /var/lib/docker/volumes/x: file exists", left: false },
  ])("knows what an Engine that was killed has left behind: $said", ({ said, left }) => {
    expect(isTaskLeft(answer(500, said))).toBe(left);
  });

  it("knows a network that was removed", () => {
    expect(isNetworkGone(answer(404, "network 0123abc not found"))).toBe(true);
    expect(isNetworkGone(answer(404, "No such container: x"))).toBe(false);
  });
});

describe("createFailure", () => {
  it.each([
    { status: 404, said: "No such image: x", want: { name: "TransientError", reason: "ImageNotFound" } },
    {
      status: 400,
      said: 'invalid mount config for type "bind": bind source path does not exist: /srv/x',
      want: { name: "TransientError", reason: "InvalidSpec" },
    },
    {
      status: 400,
      said: "Minimum memory limit allowed is 6MB",
      want: { name: "TerminalError", reason: "InvalidSpec" },
    },
    { status: 500, said: "oops", want: { name: "TransientError", reason: "BackendError" } },
  ])("takes “$said” for $want.reason", ({ status, said, want }) => {
    expect(createFailure(answer(status, said), "x")).toMatchObject(want);
  });
});
