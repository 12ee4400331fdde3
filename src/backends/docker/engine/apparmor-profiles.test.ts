import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadedProfiles, parseProfiles } from "./apparmor-profiles.ts";

const LIST =
  "docker-default (enforce)\n/usr/sbin/cupsd (enforce)\ntrying (complain)\nmcp-standard (kill)\nbus//&odd name (enforce)\nbroken\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-apparmor-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("loadedProfiles", () => {
  it("reads those that confine", () => {
    expect(parseProfiles(LIST)).toEqual(["docker-default", "/usr/sbin/cupsd", "mcp-standard"]);
  });

  it("joins what is configured and what can be seen of an Engine that is here", async () => {
    const path = join(folder, "profiles");
    writeFileSync(path, LIST);
    const configured = ["mcp-standard", "elsewhere"];
    expect(await loadedProfiles({ configured, isHere: true, path })).toEqual([
      "/usr/sbin/cupsd",
      "docker-default",
      "elsewhere",
      "mcp-standard",
    ]);
    expect(await loadedProfiles({ configured, isHere: false, path })).toEqual(["elsewhere", "mcp-standard"]);
  });

  it("knows of none where the kernel shows no list", async () => {
    expect(await loadedProfiles({ configured: [], isHere: true, path: join(folder, "none") })).toEqual([]);
    writeFileSync(join(folder, "file"), "");
    expect(await loadedProfiles({ configured: [], isHere: true, path: join(folder, "file", "none") })).toEqual([]);
  });
});
