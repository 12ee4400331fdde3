import { expect, it } from "@jest/globals";
import { samplerOf } from "./sampler.ts";

it.each([
  { name: undefined, argument: undefined, is: /^ParentBased\{root=AlwaysOnSampler/, problem: false },
  { name: "always_off", argument: undefined, is: /^AlwaysOffSampler$/, problem: false },
  { name: "traceidratio", argument: "0.25", is: /^TraceIdRatioBased\{0.25\}$/, problem: false },
  {
    name: "parentbased_traceidratio",
    argument: "0.5",
    is: /^ParentBased\{root=TraceIdRatioBased\{0.5\}/,
    problem: false,
  },
  { name: "traceidratio", argument: "many", is: /^TraceIdRatioBased\{1\}$/, problem: true },
  { name: "sometimes", argument: undefined, is: /^ParentBased\{root=AlwaysOnSampler/, problem: true },
])("samples as OTEL_TRACES_SAMPLER=$name and $argument say", ({ name, argument, is, problem }) => {
  const made = samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument });
  expect(made.sampler.toString()).toMatch(is);
  expect(made.problem !== undefined).toBe(problem);
});
