import { amountOf } from "./amount.ts";

/** What an application may be given. Requests equal limits: it has that much, and no more. */
export interface CpuMemoryPair {
  /** As `scale_cpu_limit` wants it. */
  readonly cpu: string;
  /** As `scale_memory_limit` wants it. */
  readonly memory: string;
  readonly vcpu: number;
  readonly memoryBytes: number;
}

/** vCPU, and the gigabytes that may go with it. @see https://cloud.ibm.com/docs/codeengine?topic=codeengine-mem-cpu-combo */
const COMBINATIONS: readonly (readonly [vcpu: number, gigabytes: readonly number[]])[] = [
  [0.125, [0.25, 0.5, 1]],
  [0.25, [0.5, 1, 2]],
  [0.5, [1, 2, 4]],
  [1, [2, 4, 8]],
  [2, [4, 8, 16]],
  [4, [8, 16, 32]],
  [6, [12, 24, 48]],
  [8, [16, 32]],
  [10, [20, 40]],
  [12, [24, 48]],
];

/** All that Code Engine accepts, the smallest first. */
export const CPU_MEMORY_PAIRS: readonly CpuMemoryPair[] = COMBINATIONS.flatMap(([vcpu, gigabytes]) =>
  gigabytes.map((size) => ({ cpu: `${vcpu}`, memory: `${size}G`, vcpu, memoryBytes: size * 1e9 })),
);

/**
 * The largest pair that is above neither maximum: of those with the most CPU the one with the most memory. Undefined
 * when even the smallest is above one of them. `Infinity` stands for no maximum.
 */
export function largestPairWithin(maxVcpu: number, maxMemoryBytes: number): CpuMemoryPair | undefined {
  return CPU_MEMORY_PAIRS.findLast(({ vcpu, memoryBytes }) => vcpu <= maxVcpu && memoryBytes <= maxMemoryBytes);
}

/** The pair that two amounts are, however they are written: `250m` and `500M` are `0.25` and `0.5G`. */
export function pairOf(cpu: string, memory: string): CpuMemoryPair | undefined {
  const vcpu = amountOf(cpu);
  const memoryBytes = amountOf(memory);
  return CPU_MEMORY_PAIRS.find((pair) => pair.vcpu === vcpu && pair.memoryBytes === memoryBytes);
}
