import { ofRuntimeDeployment } from "./kinds.ts";
import type { Rule } from "./write.ts";

/**
 * Admission hears of every namespace, and a controller may look at some alone: what is declared elsewhere would wait for nobody, without
 * a status that says so. It is not refused, since the namespace may be watched next.
 */
export const unwatchedNamespacesAreSaid: Rule = {
  concerns: (write) => write.operation !== "DELETE" && write.subresource === "" && ofRuntimeDeployment(write),
  warnings({ namespace = "" }, { isWatched }) {
    if (isWatched?.(namespace) ?? true) return [];
    return [
      `metadata.namespace: this Slipway does not watch ${JSON.stringify(namespace)}, so nobody runs this deployment`,
    ];
  },
};
