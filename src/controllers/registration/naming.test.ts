import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { entryName, entryTags, gatewayTag } from "./naming.ts";

function named(namespace: string, name: string): RuntimeDeployment {
  const metadata = { namespace, name, uid: "0f0e0d0c-0b0a-4908-8706-050403020100" };
  return { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata } as RuntimeDeployment;
}

/** As ContextForge makes it. */
const slug = (name: string) => name.toLowerCase().replace(/[\W_]+/g, "-");

describe("the name of an entry", () => {
  it("is short where nothing can be mistaken", () => {
    expect(entryName(named("default", "files"))).toBe("default.files");
  });

  it("has another slug for every deployment", () => {
    const parts = ["a", "b", "a-b", "b-a", "a-b-a", "b-a-b", "a-a"];
    const slugs = parts.flatMap((namespace) =>
      [...parts, "a.b", "b.a"].map((name) => slug(entryName(named(namespace, name)))),
    );
    expect(new Set(slugs).size).toBe(slugs.length);
  });

  it("keeps to the gateway's rules at its longest", () => {
    const name = entryName(named("n-".repeat(31).concat("n"), "d.".repeat(31).concat("d")));
    expect(name).toMatch(/^[a-zA-Z0-9_.\- ]{1,255}$/);
  });
});

describe("the tags of an entry", () => {
  it("keep to the gateway's rules, which drop others without a word", () => {
    const tags = entryTags(named("a", "b"), "forge", ["prod", "slipway"]);
    expect(tags).toEqual([
      ...["slipway:uid:0f0e0d0c-0b0a-4908-8706-050403020100", "slipway:gateway:forge"],
      ...["slipway", "prod"],
    ]);
    tags.push(gatewayTag("g".repeat(253)), gatewayTag("g".repeat(34)), gatewayTag("g".repeat(35)));
    for (const tag of tags) expect(tag).toMatch(/^(?=.{2,50}$)[a-z0-9][a-z0-9\-:.]*[a-z0-9]$/);
  });
});
