import { describe, expect, it } from "@jest/globals";
import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import { acceptNames } from "./accepted-names.ts";

const now = "2026-01-01T00:00:00Z";

function definition(
  plural: string,
  kind: string,
  status?: CustomResourceDefinition["status"],
): CustomResourceDefinition {
  const names = { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` };
  const spec = { group: "g.io", scope: "Namespaced" as const, names, versions: [] };
  const metadata = { name: `${plural}.g.io` } as CustomResourceDefinition["metadata"];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata,
    spec,
    ...(status ? { status } : {}),
  };
}

function accepted(plural: string, kind: string): CustomResourceDefinition {
  const { conditions, acceptedNames } = acceptNames(definition(plural, kind), [], now);
  return definition(plural, kind, { conditions, acceptedNames, storedVersions: [] });
}

describe("acceptNames", () => {
  it("accepts free names, and changes nothing the second time", () => {
    const first = accepted("things", "Thing");
    expect(first.status?.conditions?.map(({ type, status }) => [type, status])).toEqual([
      ["NamesAccepted", "True"],
      ["Established", "True"],
    ]);
    expect(acceptNames(first, [], "2027-01-01T00:00:00Z").changed).toBe(false);
  });

  it("grants the free ones of names that are taken, and does not establish", () => {
    const { conditions, acceptedNames } = acceptNames(
      definition("stuffs", "Thing"),
      [accepted("things", "Thing")],
      now,
    );
    expect(acceptedNames).toEqual({ plural: "stuffs", kind: "" });
    expect(conditions.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ["NamesAccepted", "False", "ListKindConflict"],
      ["Established", "False", "NotAccepted"],
    ]);
  });

  it("establishes once the names are free", () => {
    const conflicting = acceptNames(definition("stuffs", "Thing"), [accepted("things", "Thing")], now);
    const waiting = definition("stuffs", "Thing", { ...conflicting, storedVersions: [] });
    const { conditions } = acceptNames(waiting, [], now);
    expect(conditions.every(({ status }) => status === "True")).toBe(true);
  });
});
