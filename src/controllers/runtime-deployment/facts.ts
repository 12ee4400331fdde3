import type { Condition } from "../../api/meta.ts";
import type { RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import type { Workload } from "../../backends/backend.ts";
import type { EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import type { Transport } from "../../effective-spec/transport.ts";
import type { ProbeVerdict } from "../../probe/prober.ts";
import type { Scope } from "./scope.ts";

/** A reason for programs and a message for people. */
export interface Note {
  readonly reason: string;
  readonly message: string;
}

/** Why the newest attempt came to nothing. */
export interface Failure extends Note {
  /** `refused`: only another spec helps. `retried`: goes on by itself. `unreachable`: the backend does not answer. */
  readonly kind: "refused" | "retried" | "unreachable";
}

/** How a process ended. */
export interface Exit {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Why its program could not be run; empty when it ran. */
  readonly error: string;
}

/** How a version stands to those who may approve it. */
export interface ApprovalFact {
  /** Of the Approval that says so; undefined where there is none. */
  readonly name: string | undefined;
  readonly condition: Note & Pick<Condition, "status">;
}

/** All that a status is made from: one look at the world, as values. */
export interface Facts {
  /** Of the spec as it is. */
  readonly generation: number;
  /** Of the version that is driven. */
  readonly driven: number;
  /** Digest of that, as Approvals have it. */
  readonly digest: Scope["digest"];
  /** Whether approvals play a part. */
  readonly gated: boolean;
  readonly approval: ApprovalFact | undefined;
  readonly desiredState: "Running" | "Stopped";
  readonly restartPolicy: EffectiveSpec["restartPolicy"];
  readonly probe: EffectiveSpec["health"]["probe"];
  /** Of what runs; of the spec where nothing does. */
  readonly transport: Transport;
  /** URL of the deployment at the gateway. */
  readonly publicUrl: string;
  /** Name of the RuntimeBackend, once it is known. */
  readonly backend: string | undefined;
  /** False while the backend could not be asked; `current` is then unknown rather than absent. */
  readonly observed: boolean;
  readonly current: Workload | undefined;
  /** Whether `current` is made from the version that is driven. */
  readonly upToDate: boolean;
  readonly verdict: ProbeVerdict | undefined;
  readonly failureThreshold: number;
  /** Whether a first answer has been awaited for longer than a server may take. */
  readonly overdue: boolean;
  /** Whether the controller itself waits before it starts the workload again. */
  readonly backingOff: boolean;
  /** How the process had ended that was started again just now. */
  readonly crash: Exit | undefined;
  readonly restartCount: number;
  readonly guardrails: RuntimeDeploymentStatus["guardrails"];
  /** Where the limits come from that nobody asked for. */
  readonly limitNotes: readonly string[];
  /** What the spec asks of the backend in vain, and what it speaks of and is not there. */
  readonly reachNotes: readonly string[];
  /** Whether the revision that serves has answered before and is left alone, so that its place can end its last instance. */
  readonly asleep: boolean;
  /** The spec was taken, refused, or could not be judged yet. */
  readonly accepted: boolean | undefined;
  /** The image by digest, once it is here. */
  readonly image: string | undefined;
  /** Of a git source: its newest build. */
  readonly build: RuntimeDeploymentStatus["build"];
  /** What is being done about this generation. */
  readonly step: Note | undefined;
  readonly failure: Failure | undefined;
  /** Set while the deployment is deleted: what is done or waited for. */
  readonly deleting: Note | undefined;
}
