import { Label } from "../../../api/labels.ts";
import type { Owner } from "../../backend.ts";
import { type Labels, type Maker, ownerFromLabels } from "../workloads/object-labels.ts";

/** What the Engine is asked to tell. Checks of health and `exec` come by the second and change nothing. */
export const EVENT_FILTERS = {
  type: ["container", "network"],
  event: ["start", "die", "oom", "pause", "unpause", "rename", "destroy", "update", "disconnect"],
};

/** Whether what happens to a container with these labels concerns its owner. Helpers come and go. */
export function isTold(labels: Labels): boolean {
  return labels[Label.Role] === "workload" || labels[Label.Role] === "sandbox";
}

/** What one event means. */
export type EngineEvent =
  | {
      readonly kind: "container";
      readonly id: string;
      readonly owner: Owner;
      readonly what: "started" | "removed" | "changed";
    }
  /** Something happened to the connections of a container, whose labels the Engine does not tell here. */
  | { readonly kind: "network"; readonly containerId: string }
  | { readonly kind: "ignored" };

export interface TimedEvent {
  readonly event: EngineEvent;
  /** Seconds and nanoseconds since 1970, as the Engine's `since` wants them; undefined when it says none. */
  readonly time: string | undefined;
}

/** Pure. Reads one message of the Engine's event stream. */
export function readEvent(message: unknown, maker: Maker): TimedEvent {
  const { Type, Action, Actor, timeNano } = (message ?? {}) as Record<string, unknown>;
  const { ID, Attributes } = (Actor ?? {}) as { ID?: unknown; Attributes?: Record<string, string> };
  const time = typeof timeNano === "number" ? sinceAfter(timeNano) : undefined;
  const ignored = { event: { kind: "ignored" }, time } as const;
  if (typeof ID !== "string" || !Attributes) return ignored;
  if (Type === "network") {
    const { container: containerId } = Attributes;
    return containerId ? { event: { kind: "network", containerId }, time } : ignored;
  }
  const owner = ownerFromLabels(Attributes, maker);
  if (Type !== "container" || !owner || !isTold(Attributes)) return ignored;
  const what = Action === "start" ? "started" : Action === "destroy" ? "removed" : "changed";
  return { event: { kind: "container", id: ID, owner, what }, time };
}

/** A number of nanoseconds since 1970 is not exact as a double; a microsecond later is soon enough, and never earlier. */
function sinceAfter(timeNano: number): string {
  const micros = Math.floor(timeNano / 1000) + 1;
  const seconds = Math.floor(micros / 1_000_000);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, "0")}000`;
}
