import { expect, it } from "@jest/globals";
import type { WorkloadEndpoint } from "../backends/workload-endpoint.ts";
import { EndpointTable } from "./endpoint-table.ts";

const KEY = { namespace: "team-a", name: "files" };
const endpoint = (instance = "c-1@"): WorkloadEndpoint => ({
  ...{ kind: "stdio", backend: "docker", id: "c-1", instance, sessionMode: "Shared" },
});

function table() {
  const heard: string[] = [];
  const made = new EndpointTable();
  const stop = made.onChange(({ name }) => heard.push(name));
  return { table: made, heard, stop };
}

it("tells of what changed, and of nothing else", () => {
  const { table: made, heard, stop } = table();
  made.set(KEY, "u-1", undefined);
  expect(heard).toEqual([]);
  made.set(KEY, "u-1", endpoint());
  made.set(KEY, "u-1", endpoint());
  expect(heard).toEqual(["files"]);
  made.set(KEY, "u-1", endpoint("c-1@later"));
  made.delete(KEY);
  made.delete(KEY);
  expect(heard).toEqual(["files", "files", "files"]);
  stop();
  made.set(KEY, "u-1", endpoint());
  expect(heard).toHaveLength(3);
});

it("gives what was known of a deployment to no other one of its name", () => {
  const { table: made } = table();
  made.set(KEY, "u-1", endpoint());
  expect(made.get(KEY, "u-1")).toEqual(endpoint());
  expect(made.get(KEY, "u-2")).toBeUndefined();
  expect(made.get({ ...KEY, namespace: "team-b" }, "u-1")).toBeUndefined();
  made.set(KEY, "u-2", endpoint());
  expect(made.get(KEY, "u-1")).toBeUndefined();
});
