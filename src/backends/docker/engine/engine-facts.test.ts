import { describe, expect, it } from "@jest/globals";
import { readFacts } from "./engine-facts.ts";

const info = {
  InitBinary: "docker-init",
  InitCommit: { ID: "de40ad0" },
  CpuCfsQuota: true,
  MemoryLimit: true,
  PidsLimit: true,
  SecurityOptions: ["name=seccomp,profile=default", "name=apparmor", "name=cgroupns"],
  CgroupVersion: "2",
  OSType: "linux",
};

describe("readFacts", () => {
  it("reads an ordinary Engine", () => {
    expect(readFacts(info)).toEqual({
      hasInit: true,
      cpuLimits: true,
      memoryLimits: true,
      pidsLimits: true,
      seccomp: true,
      appArmor: true,
      rootless: false,
      cgroupVersion: "2",
      operatingSystem: "linux",
    });
  });

  it.each([
    { because: "its docker-init is not installed", given: { InitCommit: { ID: "N/A" } }, want: { hasInit: false } },
    { because: "Debian builds docker-init without commit", given: { InitCommit: { ID: "" } }, want: { hasInit: true } },
    {
      because: "it is rootless",
      given: { SecurityOptions: ["name=rootless"] },
      want: { rootless: true, seccomp: false },
    },
    { because: "rootless without delegation limits nothing", given: { PidsLimit: false }, want: { pidsLimits: false } },
    { because: "20.10 on cgroup v1 may not say so", given: { CgroupVersion: undefined }, want: { cgroupVersion: "1" } },
  ])("tells when $because", ({ given, want }) => {
    expect(readFacts({ ...info, ...given })).toMatchObject(want);
  });
});
