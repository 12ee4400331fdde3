import { describe, expect, it } from "@jest/globals";
import { appNameTrouble, configNameTrouble } from "../client/rules/names.ts";
import { appName, belongsTo, partName } from "./marks.ts";

const maker = { installation: "i", backend: "ibm" };

describe("names of an app and its parts", () => {
  it.each([
    { because: "is short", name: "files" },
    { because: "is the longest that a deployment may have", name: "a".repeat(63) },
    { because: "has what names there may not have", name: "Files.v2_x" },
    { because: "has nothing that they may have", name: "___" },
  ])("are valid and belong together where the deployment's $because", ({ name }) => {
    const app = appName(maker, { uid: "u-1", name });
    const part = partName(app, "files/data", "f".repeat(40));
    expect(appNameTrouble(app)).toBeUndefined();
    expect(configNameTrouble(part)).toBeUndefined();
    expect(part.length).toBeLessThanOrEqual(63);
    expect(belongsTo(part, app)).toBe(true);
  });

  it("differ by UID, backend and installation", () => {
    const owner = { uid: "u-1", name: "files" };
    const names = [
      appName(maker, owner),
      appName(maker, { ...owner, uid: "u-2" }),
      appName({ ...maker, backend: "other" }, owner),
      appName({ ...maker, installation: "j" }, owner),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(appName(maker, { ...owner })).toBe(names[0]);
  });
});
