import type { Drift } from "../../backend.ts";
import type { SandboxView } from "../sandbox/sandbox.ts";

/** A sandbox beside its workload. */
export interface SandboxNow extends SandboxView {
  readonly name: string;
  readonly paused: boolean;
}

export interface Company {
  /** The owner's sandboxes of the workload's role. */
  readonly sandboxes: readonly SandboxNow[];
  /** Whether the Engine can run sandboxes, so that a workload whose network is restricted has to be in one. */
  readonly canSandbox: boolean;
}

/** Pure. What is wrong with the sandbox whose network a running workload joined. */
export function sandboxDrift(
  { joined, startedAt }: { readonly joined: string; readonly startedAt: string },
  { sandboxes }: Company,
  network: string,
): Drift[] {
  const sandbox = sandboxes.find(({ id }) => id === joined);
  if (!sandbox) {
    const happened = sandboxes.length > 0 ? "was replaced by another" : "was removed";
    return [{ kind: "sandbox", message: `its sandbox ${happened}` }];
  }
  if (sandbox.paused) return [{ kind: "sandbox", message: "its sandbox was paused" }];
  if (!sandbox.running) return [{ kind: "sandbox", message: "its sandbox had ended" }];
  if (sandbox.startedAt === undefined || isLater(sandbox.startedAt, startedAt))
    return [{ kind: "sandbox", message: "its sandbox was started anew, and it was left behind without a network" }];
  if (sandbox.connected) return [];
  return [
    { kind: "network", message: `its sandbox was disconnected from network ${network}, or its port is not published` },
  ];
}

/** Pure. Whether one of the Engine's times is after another. They have up to nine decimals, without trailing zeros. */
function isLater(a: string, b: string): boolean {
  return sortable(a) > sortable(b);
}

function sortable(time: string): string {
  const [seconds = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}
