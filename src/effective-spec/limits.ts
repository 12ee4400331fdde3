import { cpuMillis, formatCpu, formatMemory, memoryBytes, type Quantity } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { parseField } from "../guardrails/parse-field.ts";
import { TerminalError } from "../machinery/errors.ts";

/** What a RuntimeBackend gives to deployments that ask for nothing. */
export interface BackendDefaults {
  readonly limits: { readonly cpu: Quantity; readonly memory: Quantity; readonly pids: number };
  /** Whether processes are limited; unless it says no. */
  readonly limitsPids?: boolean;
  /** The only sizes that there are, the smallest first; undefined: any. The largest that is within the limits is taken. */
  readonly sizes?: readonly Pick<Limits, "cpuMillis" | "memoryBytes">[];
  /** For members of `spec.scaling` that are not set, where the backend scales. */
  readonly scaling?: RuntimeDeploymentSpec["scaling"];
}

export interface Limits {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pids: number;
}

export interface LimitsInput {
  readonly asked: NonNullable<RuntimeDeploymentSpec["resources"]>;
  readonly backend: { readonly name: string; readonly defaults: BackendDefaults };
  readonly guardrails: Pick<Guardrails, "profile" | "resources">;
}

export interface ChosenLimits {
  readonly limits: Limits;
  /** Where a limit that nobody asked for comes from, one sentence each. */
  readonly limitNotes: readonly string[];
}

/**
 * Pure. What is asked for, else the smaller of the backend's default and the profile's maximum, for each limit by itself.
 * What is asked for may be more than the maximum: that is for the checks to refuse.
 * Then, where the backend has certain sizes only, the largest of them within both.
 * @throws {TerminalError} `InvalidSpec`, naming the field of a quantity that is none; `LimitExceeded` where no size fits.
 */
export function chooseLimits({ asked, backend, guardrails }: LimitsInput): ChosenLimits {
  const { cpu, memory, pids } = backend.defaults.limits;
  const { maxCpuMillis, maxMemoryBytes, maxPids } = guardrails.resources;
  const defaultField = (name: string) => `RuntimeBackend "${backend.name}": defaultLimits.${name}`;
  const askedCpu = asked.cpu === undefined ? undefined : parseField("spec.resources.cpu", asked.cpu, cpuMillis);
  const askedMemory =
    asked.memory === undefined ? undefined : parseField("spec.resources.memory", asked.memory, memoryBytes);

  const notes: string[] = [];
  const choose = (name: string, choice: Choice): number => {
    if (choice.asked !== undefined) return choice.asked;
    if (name === "pids" && backend.defaults.limitsPids === false) return choice.standard;
    const { standard, maximum = Number.POSITIVE_INFINITY, format } = choice;
    notes.push(
      standard <= maximum
        ? `${name}: ${format(standard)}, the default of RuntimeBackend "${backend.name}"`
        : `${name}: ${format(maximum)}, the maximum of GuardrailProfile "${guardrails.profile}" (the default of RuntimeBackend "${backend.name}" is ${format(standard)})`,
    );
    return Math.min(standard, maximum);
  };
  const limits = {
    cpuMillis: choose("cpu", {
      asked: askedCpu,
      standard: parseField(defaultField("cpu"), cpu, cpuMillis),
      maximum: maxCpuMillis,
      format: formatCpu,
    }),
    memoryBytes: choose("memory", {
      asked: askedMemory,
      standard: parseField(defaultField("memory"), memory, memoryBytes),
      maximum: maxMemoryBytes,
      format: formatMemory,
    }),
    pids: choose("pids", { asked: asked.pids, standard: pids, maximum: maxPids, format: String }),
  };
  return fitted(limits, notes, backend);
}

function fitted(limits: Limits, notes: readonly string[], { name, defaults }: LimitsInput["backend"]): ChosenLimits {
  const { sizes } = defaults;
  if (!sizes) return { limits, limitNotes: notes };
  const fits = sizes.findLast(
    ({ cpuMillis, memoryBytes }) => cpuMillis <= limits.cpuMillis && memoryBytes <= limits.memoryBytes,
  );
  const asked = `${formatCpu(limits.cpuMillis)} CPU and ${formatMemory(limits.memoryBytes)} memory`;
  if (!fits) {
    const [least] = sizes;
    const smallest = least && `${formatCpu(least.cpuMillis)} CPU with ${formatMemory(least.memoryBytes)} memory`;
    throw new TerminalError(
      Reason.LimitExceeded,
      `RuntimeBackend "${name}" has no size within ${asked}; its smallest is ${smallest}. Raise spec.resources, or choose a GuardrailProfile that allows so much`,
    );
  }
  if (fits.cpuMillis === limits.cpuMillis && fits.memoryBytes === limits.memoryBytes)
    return { limits, limitNotes: notes };
  const size = `${formatCpu(fits.cpuMillis)} CPU and ${formatMemory(fits.memoryBytes)} memory`;
  const note = `size: ${size}, the largest of RuntimeBackend "${name}" within ${asked}`;
  return { limits: { ...limits, ...fits }, limitNotes: [...notes, note] };
}

interface Choice {
  readonly asked: number | undefined;
  readonly standard: number;
  readonly maximum: number | undefined;
  format(value: number): string;
}
