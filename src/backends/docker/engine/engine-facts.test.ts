import { describe, expect, it } from "@jest/globals";
import { readFacts } from "./engine-facts.ts";

const info = {
  InitBinary: "docker-init",
  InitCommit: { ID: "de40ad0" },
  CpuCfsQuota: true,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  SecurityOptions: ["name=seccomp,profile=default", "name=apparmor", "name=cgroupns"],
  CgroupVersion: "2",
  OSType: "linux",
  KernelVersion: "6.1.0",
};

describe("readFacts", () => {
  it("reads an ordinary Engine", () => {
    expect(readFacts(info)).toEqual({
      hasInit: true,
      cpuLimits: true,
      memoryLimits: true,
      swapLimits: true,
      pidsLimits: true,
      seccomp: true,
      seccompDefault: "default",
      appArmor: true,
      rootless: false,
      cgroupVersion: "2",
      operatingSystem: "linux",
      kernel: "6.1.0",
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
    {
      because: "an administrator switched its filter off",
      given: { SecurityOptions: ["name=seccomp,profile=unconfined"] },
      want: { seccomp: true, seccompDefault: "unconfined", appArmor: false },
    },
    { because: "swap is not counted", given: { SwapLimit: false }, want: { swapLimits: false, memoryLimits: true } },
    { because: "rootless without delegation limits nothing", given: { PidsLimit: false }, want: { pidsLimits: false } },
    { because: "20.10 on cgroup v1 may not say so", given: { CgroupVersion: undefined }, want: { cgroupVersion: "1" } },
  ])("tells when $because", ({ given, want }) => {
    expect(readFacts({ ...info, ...given })).toMatchObject(want);
  });
});
