import type { KubeObject } from "../api/meta.ts";

/** Something that happened to an object, for people who read `kubectl describe`. Never holds a secret. */
export interface EventNote {
  type: "Normal" | "Warning";
  /** PascalCase, the same words as conditions use. At most 128 characters. */
  reason: string;
  /** What the controller did or tried, PascalCase, such as `Start`. At most 128 characters. */
  action: string;
  /** For people; what is beyond 1024 characters is cut. */
  note: string;
}

/** Records events on a best-effort basis: never waits, never throws, and drops rather than grows. */
export interface EventRecorder {
  record(regarding: KubeObject, event: EventNote): void;
}
