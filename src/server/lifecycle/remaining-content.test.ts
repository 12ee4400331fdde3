import { expect, it } from "@jest/globals";
import { remainingConditions } from "./remaining-content.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");
const HELD = { group: "example.com", plural: "gadgets", count: 2, finalizers: ["example.com/b", "example.com/a"] };
const LATER = new Date("2026-01-02T03:05:00Z");

it("says what remains, and who holds it", () => {
  const secrets = { group: "", plural: "secrets", count: 1, finalizers: ["example.com/b"] };
  const found = remainingConditions({ kinds: [secrets, HELD], failures: [] }, [], NOW);
  expect(found.filter(({ status }) => status === "True")).toEqual([
    {
      type: "NamespaceContentRemaining",
      status: "True",
      reason: "SomeResourcesRemain",
      message:
        "Some resources are remaining: gadgets.example.com has 2 resource instances, secrets. has 1 resource instances",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    },
    {
      type: "NamespaceFinalizersRemaining",
      status: "True",
      reason: "SomeFinalizersRemain",
      message:
        "Some content in the namespace has finalizers remaining: example.com/a in 1 resource instances, example.com/b in 2 resource instances",
      lastTransitionTime: "2026-01-02T03:04:05Z",
    },
  ]);
});

it("keeps what says the same as before", () => {
  const before = remainingConditions({ kinds: [HELD], failures: [] }, [], NOW);
  expect(remainingConditions({ kinds: [HELD], failures: [] }, before, LATER)).toEqual(before);
});

it("tells the time of the last transition, not of the last words", () => {
  const before = remainingConditions({ kinds: [HELD], failures: [] }, [], NOW);
  const [, , , remaining] = remainingConditions({ kinds: [{ ...HELD, count: 1 }], failures: [] }, before, LATER);
  expect(remaining).toMatchObject({
    message: expect.stringContaining("has 1 resource instances"),
    lastTransitionTime: "2026-01-02T03:04:05Z",
  });
});

it("says when nothing is held by a finalizer", () => {
  const found = remainingConditions({ kinds: [{ ...HELD, finalizers: [] }], failures: [] }, [], NOW);
  expect(found.at(-1)).toMatchObject({ status: "False", reason: "ContentHasNoFinalizers" });
});

it("says what could not be deleted, in bounds", () => {
  const failures = ["webhook says no", "x".repeat(10_000)];
  const [, , failure] = remainingConditions({ kinds: [HELD], failures }, [], NOW);
  expect(failure).toMatchObject({
    ...{ type: "NamespaceDeletionContentFailure", status: "True", reason: "ContentDeletionFailed" },
    message: `Failed to delete all resource types, 2 remaining: webhook says no, ${"x".repeat(1_024)}`,
  });
});
