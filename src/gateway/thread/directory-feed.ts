import { type Directory, type EndpointKey, endpointPath } from "../directory.ts";
import type { ToThread } from "./messages.ts";

/** How often it is looked whether all deployments are known, until they are. */
const SYNC_POLL_MS = 50;

/** Tells a thread what a directory holds, and then each change; changes of one turn go together. The function ends that. */
export function feedDirectory(directory: Directory, tell: (message: ToThread) => void): () => void {
  const changed = new Map<string, EndpointKey>();
  let turn: NodeJS.Immediate | undefined;
  const flush = () => {
    turn = undefined;
    const keys = [...changed.values()];
    changed.clear();
    const found = keys.map((key) => ({ key, endpoint: directory.get(key.namespace, key.name) }));
    tell({
      kind: "endpoints",
      present: found.flatMap(({ endpoint }) => endpoint ?? []),
      gone: found.flatMap(({ key, endpoint }) => (endpoint ? [] : key)),
    });
  };
  tell({ kind: "endpoints", present: directory.list(), gone: [] });
  const unsubscribe = directory.onChange((key) => {
    changed.set(endpointPath(key), key);
    turn ??= setImmediate(flush);
  });
  const stopPolling = whenSynced(directory, () => {
    if (turn !== undefined) clearImmediate(turn);
    flush();
    tell({ kind: "synced" });
  });
  return () => {
    unsubscribe();
    stopPolling();
    if (turn !== undefined) clearImmediate(turn);
  };
}

function whenSynced(directory: Directory, then: () => void): () => void {
  const look = () => {
    if (!directory.hasSynced()) return;
    clearInterval(timer);
    then();
  };
  const timer = setInterval(look, SYNC_POLL_MS);
  timer.unref();
  look();
  return () => clearInterval(timer);
}
