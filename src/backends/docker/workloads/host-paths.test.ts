import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { admitHostPath, admitRealHostPath } from "./host-paths.ts";

const mount = (hostPath: string) =>
  ({ name: "src", path: "/src", readOnly: true, kind: "hostPath", hostPath }) as const;
const refusal = expect.objectContaining({ name: "TerminalError", reason: "VolumeNotAllowed" });

describe("admitHostPath", () => {
  it.each([
    { because: "it is the prefix", path: "/srv/src", allowed: ["/srv/src"] },
    { because: "it is below", path: "/srv/src/a", allowed: ["/opt", "/srv/src/"] },
    { because: "it is below once it is cleaned", path: "/srv//src/./b/../a/", allowed: ["/srv/src"] },
  ])("admits $path: $because", ({ path, allowed }) => {
    expect(() => admitHostPath(mount(path), { allowed, engineSocket: "/var/run/docker.sock" })).not.toThrow();
  });

  it.each([
    { because: "nothing is allowed", path: "/srv/src", allowed: [] },
    { because: "the last segment differs", path: "/srv/src-evil", allowed: ["/srv/src"] },
    { because: "it climbs out", path: "/srv/src/../other", allowed: ["/srv/src"] },
    { because: "it is above", path: "/srv", allowed: ["/srv/src"] },
    { because: "it is relative", path: "srv/src", allowed: ["/srv/src"] },
    { because: "it is empty", path: "", allowed: ["/srv"] },
  ])("refuses “$path”: $because", ({ path, allowed }) => {
    expect(() => admitHostPath(mount(path), { allowed, engineSocket: undefined })).toThrow(refusal);
  });

  it.each([
    "/",
    "/var",
    "/var/run",
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run",
    "/proc",
    "/proc/1/root",
    "/sys/fs/cgroup",
    "/dev/sda",
    "/etc",
    "/etc/shadow",
    "/boot",
    "/var/lib",
    "/var/lib/docker/volumes",
    "/srv/../proc",
    "//",
    "/home/dev/engine",
    "/home/dev/engine/docker.sock",
  ])("refuses %s though all is allowed", (path) => {
    const rules = { allowed: ["/"], engineSocket: "/home/dev/engine/docker.sock" };
    expect(() => admitHostPath(mount(path), rules)).toThrow(refusal);
  });
});

describe("admitRealHostPath", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-host-paths-"));
    mkdirSync(join(folder, "allowed/inside"), { recursive: true });
    mkdirSync(join(folder, "outside"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = (path: string, engineSocket: string | undefined = "/var/run/docker.sock") =>
    admitRealHostPath(mount(join(folder, path)), { allowed: [join(folder, "allowed")], engineSocket });

  it("follows a link that stays within", async () => {
    symlinkSync(join(folder, "allowed/inside"), join(folder, "allowed/link"));
    await expect(check("allowed/link")).resolves.toBeUndefined();
  });

  it.each(["/", "/etc", "../outside"])("refuses a link to %s", async (target) => {
    symlinkSync(target, join(folder, "allowed/link"));
    await expect(check("allowed/link")).rejects.toEqual(refusal);
  });

  it("leaves the Engine to find what is not there", async () => {
    await expect(check("allowed/missing")).resolves.toBeUndefined();
  });

  it("does not judge the files of another machine by those of this one", async () => {
    symlinkSync("/etc", join(folder, "allowed/link"));
    const remote = admitRealHostPath(mount(join(folder, "allowed/link")), {
      allowed: [join(folder, "allowed")],
      engineSocket: undefined,
    });
    await expect(remote).resolves.toBeUndefined();
  });
});
