import { describe, expect, it } from "@jest/globals";
import { containerName, filesVolumeName, helperName, isFilesVolume, volumeName } from "./object-names.ts";

const owner = { uid: "6f1c2d3e-4a5b-4000-8000-000000000000", namespace: "a", name: "n".repeat(63) };
const VALID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

describe("names", () => {
  it("fit what the Engine allows, and a DNS label where the container answers to it", () => {
    const names = [
      containerName(owner, "current"),
      containerName(owner, "candidate"),
      helperName(owner, "candidate"),
      volumeName(owner, "m".repeat(63)),
      filesVolumeName(owner, "m".repeat(63), "hash"),
    ];
    for (const name of names) expect(name).toMatch(VALID);
    expect(new Set(names).size).toBe(names.length);
    expect(containerName(owner, "current").length).toBeLessThanOrEqual(63);
  });

  it("cannot make a deployment's volume look like one of files", () => {
    expect(isFilesVolume(filesVolumeName(owner, "m", "h"))).toBe(true);
    // A deployment may be called so.
    expect(isFilesVolume(volumeName({ ...owner, name: "files" }, "m"))).toBe(false);
    expect(isFilesVolume(volumeName({ ...owner, name: `files-${owner.uid}` }, "m"))).toBe(false);
  });
});
