import { describe, expect, it } from "@jest/globals";
import { readEvent } from "./event-filter.ts";

const maker = { installation: "i", backend: "docker" };
const attributes = {
  "app.kubernetes.io/managed-by": "slipway",
  "slipway.dev/installation": "i",
  "slipway.dev/backend": "docker",
  "slipway.dev/uid": "u",
  "slipway.dev/namespace": "ns",
  "slipway.dev/name": "n",
  "slipway.dev/role": "workload",
};
const owner = { uid: "u", namespace: "ns", name: "n" };
const container = (Action: string, Attributes: object = attributes) => ({
  Type: "container",
  Action,
  Actor: { ID: "c", Attributes },
});

describe("readEvent", () => {
  it.each([
    {
      because: "it started",
      message: container("start"),
      want: { kind: "container", id: "c", owner, what: "started" },
    },
    { because: "it ended", message: container("die"), want: { kind: "container", id: "c", owner, what: "changed" } },
    {
      because: "it is gone",
      message: container("destroy"),
      want: { kind: "container", id: "c", owner, what: "removed" },
    },
    {
      because: "it was cut off",
      message: { Type: "network", Action: "disconnect", Actor: { ID: "net", Attributes: { container: "c" } } },
      want: { kind: "network", containerId: "c" },
    },
    {
      because: "a network itself went",
      message: { Type: "network", Action: "destroy", Actor: { ID: "net", Attributes: { name: "x" } } },
      want: { kind: "ignored" },
    },
    {
      because: "another installation made it",
      message: container("die", { ...attributes, "slipway.dev/installation": "other" }),
      want: { kind: "ignored" },
    },
    {
      because: "a sandbox ended, which concerns its workload",
      message: container("die", { ...attributes, "slipway.dev/role": "sandbox" }),
      want: { kind: "container", id: "c", owner, what: "changed" },
    },
    {
      because: "helpers come and go",
      message: container("destroy", { ...attributes, "slipway.dev/role": "helper" }),
      want: { kind: "ignored" },
    },
    { because: "it is not ours", message: container("die", { image: "x" }), want: { kind: "ignored" } },
    { because: "it is an image", message: { ...container("delete"), Type: "image" }, want: { kind: "ignored" } },
    ...[undefined, null, 1, "x", [], {}, { Actor: null }].map((message) => ({
      because: `it makes no sense: ${JSON.stringify(message)}`,
      message,
      want: { kind: "ignored" },
    })),
  ])("$because", ({ message, want }) => {
    expect(readEvent(message, maker).event).toEqual(want);
  });

  it("resumes after the event, though a double cannot hold its nanoseconds", () => {
    const timeNano = Number("1700000000123456789");
    expect(readEvent({ ...container("die"), timeNano }, maker).time).toBe("1700000000.123457000");
    expect(readEvent(container("die"), maker).time).toBeUndefined();
  });
});
