import type { ApprovalRecord } from "../../src/controllers/approval/audit.ts";
import type { ApprovalNotice, NoticeOutcome } from "../../src/controllers/approval/notifier.ts";
import type { ApprovalServices } from "../../src/controllers/create-approval-controllers.ts";

/** Registries, receivers and an audit log in memory. */
export function memoryApprovals(images: Readonly<Record<string, string>> = {}) {
  const told: { notice: ApprovalNotice; report: (outcome: NoticeOutcome) => void }[] = [];
  const audited: ApprovalRecord[] = [];
  /** While it is full, every notice is answered at once that it is to come again. */
  const receivers = { isFull: false };
  const services: ApprovalServices = {
    images: {
      async resolve({ reference }) {
        const found = images[reference];
        if (found === undefined) throw new Error(`no image ${reference}`);
        return found;
      },
    },
    notifier: () => ({
      name: "memory notifier",
      notify(notice, report) {
        told.push({ notice, report });
        if (receivers.isFull) report({ state: "Retrying", at: new Date(0), message: "too many notices wait" });
      },
      run: (stop) => new Promise((resolve) => stop.addEventListener("abort", () => resolve(), { once: true })),
    }),
    audit: { record: (entry) => void audited.push(entry) },
  };
  return { services, told, audited, receivers };
}
