import type { Secret } from "../api/core.ts";
import { keyOf, type ObjectKey } from "../api/meta.ts";
import {
  type Approval,
  type ApprovalPolicy,
  approvalPolicies,
  approvals as approvalType,
  type RuntimeDeployment,
} from "../api/v1alpha1/index.ts";
import type { ImageResolver } from "../backends/image-resolver.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { Controller, type ControllerMetrics } from "../machinery/controller.ts";
import type { EventRecorder } from "../machinery/event-recorder.ts";
import type { Lister } from "../machinery/lister.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { StatusPatcher } from "../machinery/status-patcher.ts";
import type { Tracer } from "../machinery/tracer.ts";
import { AdmissionWatch } from "./approval/admission-watch.ts";
import type { ApprovalAudit } from "./approval/audit.ts";
import { ApprovalReconciler } from "./approval/controller.ts";
import { createGate, stampKeyReader } from "./approval/create-gate.ts";
import type { NotifierFactory } from "./approval/notifier.ts";
import { PolicyKnowledge } from "./approval/policy-knowledge.ts";
import { WantedDigests } from "./approval/wanted-digests.ts";
import { ApprovalPolicyReconciler } from "./approval-policy/controller.ts";
import type { ApprovalGate } from "./runtime-deployment/gate/ports.ts";
import { ADMISSION_KEY, StoredKey } from "./stored-key.ts";

/** What approvals need of the process. */
export interface ApprovalServices {
  /** Tells what tags stand for. */
  readonly images: ImageResolver;
  readonly notifier: NotifierFactory;
  readonly audit: ApprovalAudit;
}

export interface ApprovalControllersOptions extends ApprovalServices {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventRecorder;
  readonly fieldManager: string;
  readonly deployments: Lister<RuntimeDeployment>;
  readonly secrets: Lister<Secret>;
  readonly policies: Lister<ApprovalPolicy>;
  /** With `approvalIndexes`. */
  readonly approvals: Lister<Approval>;
  /** Looks at a deployment soon. */
  readonly enqueueDeployment: (key: ObjectKey) => void;
  /** Objects of one kind that are reconciled at once. */
  readonly workers?: number;
  readonly metrics?: { readonly approvals?: ControllerMetrics; readonly policies?: ControllerMetrics } | undefined;
  readonly tracer?: Tracer | undefined;
}

export interface ApprovalControllers {
  readonly gate: ApprovalGate;
  readonly approvalController: Controller;
  readonly policyController: Controller;
  /** Forgets what a deployment that is gone asked for. */
  forget(uid: string): void;
  readonly services: readonly Runnable[];
}

const STATUS_FIELDS = {
  approval: [
    ...["observedGeneration", "phase", "expiresAt", "decidedAt", "decidedBy", "escalatedAt"],
    ...["conditions", "history", "notifications"],
  ],
  policy: ["observedGeneration", "conditions"],
} as const;

const CANARIES = "/apis/slipway.dev/v1alpha1/namespaces/slipway-system/runtimedeployments?dryRun=All";

/** Wires what asks for approval, and what sees to it that an answer comes. */
export function createApprovalControllers(options: ApprovalControllersOptions): ApprovalControllers {
  const { client, clock, logger, events, fieldManager, deployments, policies, approvals, enqueueDeployment } = options;
  const stampKeys = stampKeyReader(options.secrets);
  const notifier = options.notifier(options.secrets);
  const key = new StoredKey(client, ADMISSION_KEY);
  const admission = new AdmissionWatch({
    dryRun: (object, signal) => client.request<RuntimeDeployment>("POST", CANARIES, object, signal),
    ensureKey: () => key.get(),
    enqueue: enqueueDeployment,
    clock,
    logger,
  });
  const wanted = new WantedDigests((uid) => {
    for (const approval of approvals.byIndex("deployment", uid)) approvalController.enqueue(keyOf(approval));
  });
  const knowledge = new PolicyKnowledge({
    list: async (signal) => (await client.list(approvalPolicies, {}, signal)).items,
    ...{ policies, enqueue: enqueueDeployment, clock, logger },
  });
  const statuses = { client, fieldManager };
  const approvalStatus = new StatusPatcher({ ...statuses, type: approvalType, fields: STATUS_FIELDS.approval });
  const policyStatus = new StatusPatcher({ ...statuses, type: approvalPolicies, fields: STATUS_FIELDS.policy });

  const policyReconciler = new ApprovalPolicyReconciler({
    policies,
    writeStatus: (policy, status, signal) => policyStatus.patch(policy, status, signal),
    enqueue: (each) => policyController.enqueue(each),
    clock,
  });
  options.audit.onTrouble?.((problem) => policyReconciler.learnAudit(problem));
  const { metrics, workers } = options;
  const controller = { logger, clock, ...(workers !== undefined && { workers }) };
  const policyController = new Controller({
    ...controller,
    name: "approvalpolicy",
    reconciler: policyReconciler,
    ...(metrics?.policies && { metrics: metrics.policies }),
    tracer: options.tracer,
  });
  const approvalController = new Controller({
    ...controller,
    name: "approval",
    reconciler: new ApprovalReconciler({
      approvals,
      policies,
      deployments,
      wanted: (uid) => wanted.get(uid),
      stampKeys,
      writeStatus: (approval, status, signal) => approvalStatus.patch(approval, status, signal),
      async remove(approval, signal) {
        const { uid, resourceVersion } = approval.metadata;
        try {
          await client.delete(approvalType, keyOf(approval), { preconditions: { uid, resourceVersion }, signal });
        } catch (error) {
          if (!isReason(error, "NotFound")) throw error;
        }
      },
      enqueue: (each) => approvalController.enqueue(each),
      notifier,
      onOutcome: (policy, channel, outcome) => policyReconciler.learn(policy, channel, outcome),
      audit: options.audit,
      events,
      clock,
    }),
    ...(metrics?.approvals && { metrics: metrics.approvals }),
    tracer: options.tracer,
  });
  return {
    gate: createGate({
      ...{ client, fieldManager, policies, approvals, stampKeys, wanted },
      knowsPolicies: (deployment) => knowledge.isComplete(deployment),
      admission: (deployment) => admission.state(deployment),
      images: options.images,
    }),
    approvalController,
    policyController,
    forget(uid) {
      wanted.delete(uid);
      knowledge.forget(uid);
    },
    services: [admission, knowledge, notifier],
  };
}
