import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Pure. The sampler that OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG name, as OpenTelemetry defines them. `problem` says what of
 * them is not understood; then what is not set holds.
 * Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function samplerOf(env: Environment): { readonly sampler: Sampler; readonly problem?: string } {
  const name = env.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on";
  const isByParent = name.startsWith("parentbased_");
  const { root, problem } = rootOf(name.replace(/^parentbased_/, ""), env.OTEL_TRACES_SAMPLER_ARG?.trim());
  if (root === undefined) {
    return {
      sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
      problem: `OTEL_TRACES_SAMPLER: ${JSON.stringify(name)} is not known; parentbased_always_on is used`,
    };
  }
  const sampler = isByParent ? new ParentBasedSampler({ root }) : root;
  return problem === undefined ? { sampler } : { sampler, problem };
}

function rootOf(name: string, argument = ""): { readonly root?: Sampler; readonly problem?: string } {
  switch (name) {
    case "always_on":
      return { root: new AlwaysOnSampler() };
    case "always_off":
      return { root: new AlwaysOffSampler() };
    case "traceidratio": {
      const ratio = argument === "" ? 1 : Number(argument);
      if (ratio >= 0 && ratio <= 1) return { root: new TraceIdRatioBasedSampler(ratio) };
      const problem = `OTEL_TRACES_SAMPLER_ARG: ${JSON.stringify(argument)} is not between 0 and 1; 1 is used`;
      return { root: new TraceIdRatioBasedSampler(1), problem };
    }
    default:
      return {};
  }
}
