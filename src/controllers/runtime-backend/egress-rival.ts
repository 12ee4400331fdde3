import type { RuntimeBackend } from "../../api/v1alpha1/index.ts";
import type { FullBackend } from "../../backends/backend.ts";
import type { EgressRival } from "../../backends/egress.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";

export interface RivalPorts {
  readonly backends: readonly RuntimeBackend[];
  /** @throws {TransientError | TerminalError} where there is none. */
  liveOf(object: RuntimeBackend): Promise<Pick<FullBackend, "egressPlace">>;
}

/**
 * The RuntimeBackend that keeps the rules of the same place and was made first: two would undo each other's for ever. One whose
 * place cannot be found changes no rules there either.
 */
export async function egressRival(
  object: RuntimeBackend,
  { backends, liveOf }: RivalPorts,
  signal: AbortSignal,
): Promise<EgressRival | undefined> {
  const placeOf = async (each: RuntimeBackend): Promise<string | undefined> => {
    try {
      return await (await liveOf(each)).egressPlace?.(signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof TransientError || error instanceof TerminalError)) throw error;
      return undefined;
    }
  };
  const place = await placeOf(object);
  if (place === undefined) return undefined;
  for (const other of backends.filter((each) => isBefore(each, object)).sort((a, b) => (isBefore(a, b) ? -1 : 1)))
    if ((await placeOf(other)) === place) return { rival: other.metadata.name };
  return undefined;
}

/** By age, and by name where that is equal. */
function isBefore({ metadata: a }: RuntimeBackend, { metadata: b }: RuntimeBackend): boolean {
  const [madeA, madeB] = [a.creationTimestamp ?? "", b.creationTimestamp ?? ""];
  return madeA === madeB ? a.name < b.name : madeA < madeB;
}
