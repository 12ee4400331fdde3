import { describe, expect, it } from "@jest/globals";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { servingOf } from "./serving.ts";

const NOW = new Date("2026-01-01T12:00:00Z");
const URL_OF = "http://h.test/mcp";

function deployment(ready: string | undefined, { at = "11:00:00", url = URL_OF, desiredState = "Running" } = {}) {
  const lastTransitionTime = `2026-01-01T${at}Z`;
  const conditions = ready === undefined ? [] : [{ type: "Ready", status: ready, lastTransitionTime }];
  return { spec: { desiredState }, status: { conditions, ...(url !== "" && { url }) } } as unknown as RuntimeDeployment;
}

describe("whether a server is there for an external gateway", () => {
  it.each([
    { because: "it is Ready", given: deployment("True"), is: { kind: "serves", url: URL_OF } },
    { because: "nobody can connect to it", given: deployment("True", { url: "" }), is: { kind: "away" } },
    { because: "it was never looked at", given: deployment(undefined), is: { kind: "away" } },
    {
      because: "it has just gone",
      given: deployment("False", { at: "11:59:50" }),
      is: { kind: "blinks", forMs: 50_000 },
    },
    {
      because: "nobody knows",
      given: deployment("Unknown", { at: "11:59:59" }),
      is: { kind: "blinks", forMs: 59_000 },
    },
    { because: "a minute is over", given: deployment("False", { at: "11:59:00" }), is: { kind: "away" } },
    { because: "it is to be stopped", given: deployment("True", { desiredState: "Stopped" }), is: { kind: "away" } },
  ])("$is.kind when $because", ({ given, is }) => {
    expect(servingOf(given, NOW)).toEqual(is);
  });
});
