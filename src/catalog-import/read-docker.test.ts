import { expect, it } from "@jest/globals";
import { kubernetesMemory } from "./read-docker.ts";

it.each([
  { docker: "512m", kubernetes: "512Mi" },
  { docker: "512M", kubernetes: "512Mi" },
  { docker: "512mb", kubernetes: "512Mi" },
  { docker: "2g", kubernetes: "2Gi" },
  { docker: "64k", kubernetes: "64Ki" },
  { docker: "1048576b", kubernetes: "1048576" },
  { docker: "1048576", kubernetes: "1048576" },
  { docker: "007m", kubernetes: "7Mi" },
  { docker: "512Mi", kubernetes: undefined },
  { docker: "0.5g", kubernetes: undefined },
  { docker: "-1", kubernetes: undefined },
  { docker: "", kubernetes: undefined },
  { docker: "9".repeat(16), kubernetes: undefined },
])("memory $docker is $kubernetes", ({ docker, kubernetes }) => {
  expect(kubernetesMemory(docker)).toBe(kubernetes);
});
