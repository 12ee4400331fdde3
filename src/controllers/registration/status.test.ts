import { describe, expect, it } from "@jest/globals";
import type { Condition } from "../../api/meta.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { registrationNews, type Standing, summarize } from "./status.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const ready: Condition = {
  ...{ type: "Ready", status: "True", reason: "Connected", message: "", lastTransitionTime: "2025-01-01T00:00:00Z" },
  observedGeneration: 1,
};

function deployment(conditions: readonly Condition[] = [ready]): RuntimeDeployment {
  const metadata = { namespace: "a", name: "b", uid: "u", generation: 2 };
  return { metadata, status: { conditions: [...conditions] } } as unknown as RuntimeDeployment;
}

function standing(gateway: string, status: Condition["status"], reason: string): Standing {
  return { gateway, status, reason, message: reason.toLowerCase() };
}

describe("the condition Registered", () => {
  it("has the reason of the gateway where it stands worst, and tells of all", () => {
    const standings = [
      standing("one", "True", "Registered"),
      standing("two", "Unknown", "GatewayUnavailable"),
      standing("three", "False", "RegistrationConflict"),
    ];
    expect(summarize(deployment(), [], standings, NOW).conditions).toEqual([
      ready,
      {
        ...{ type: "Registered", status: "False", reason: "RegistrationConflict", observedGeneration: 2 },
        message: "one: registered; two: gatewayunavailable; three: registrationconflict",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it("goes with the last gateway, and takes nothing else along", () => {
    const before = summarize(deployment(), [{ gateway: "one" }], [standing("one", "True", "Registered")], NOW);
    expect(summarize(deployment(before.conditions), [], [], NOW)).toEqual({ conditions: [ready] });
  });

  it("is news where its reason changed, and a warning where somebody has to do something", () => {
    const { conditions } = summarize(deployment(), [], [standing("one", "True", "Registered")], NOW);
    expect(registrationNews([ready], conditions)).toMatchObject({ type: "Normal", reason: "Registered" });
    expect(registrationNews(conditions, conditions)).toBeUndefined();
    const worse = summarize(deployment(conditions), [], [standing("one", "False", "RegistrationConflict")], NOW);
    expect(registrationNews(conditions, worse.conditions)).toMatchObject({ type: "Warning" });
  });
});
