import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import { EngineError } from "../engine/engine-error.ts";

/** The Engine's own check and that of the program which listens for a published port word it differently. */
const PORT_TAKEN = /port is already allocated|address already in use/i;
const NETWORK_GONE = /network \S+ not found/i;
/** By the number of the task, or by the folder of what would watch over it. */
const TASK_LEFT = /task \S+ already exists|start shim: mkdir \S+: file exists/i;
const NOT_EXECUTABLE =
  /executable file not found|no such file or directory|permission denied|exec format error|is a directory/i;

export function isPortTaken(error: unknown): error is EngineError {
  return error instanceof EngineError && PORT_TAKEN.test(error.said);
}

export function isNetworkGone(error: unknown): error is EngineError {
  return error instanceof EngineError && error.status === 404 && NETWORK_GONE.test(error.said);
}

/** An Engine that ended in the middle of a start or stop leaves behind what it later takes for the container's process. */
export function isTaskLeft(error: unknown): error is EngineError {
  return error instanceof EngineError && TASK_LEFT.test(error.said);
}

/** The container is as it should be, but its port is another's. */
export function portConflict(port: number, bindAddress: string, cause: unknown): TransientError {
  return new TransientError(
    Reason.PortConflict,
    `port ${port} on ${bindAddress} is taken by another program, and clients know the deployment by it; stop that program (ss -ltnp "sport = :${port}" names it)`,
    { cause },
  );
}

/** Pure. What the Engine's refusal to start a container means to the author of a deployment. */
export function startFailure(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { said } = error;
  if (/exec: |process_linux|container process/i.test(said) && NOT_EXECUTABLE.test(said)) {
    const remedy = "correct spec.command, or the image's ENTRYPOINT and its platform";
    return new TerminalError(Reason.StartFailed, `the image's program cannot be run: ${reasonOf(said)}; ${remedy}`, {
      cause: error,
    });
  }
  return new TransientError(Reason.StartFailed, `the container could not be started: ${said}`, { cause: error });
}

/** The end of a chain of "a: b: c" is what names the cause; `: unknown` is how runc ends all of them. */
function reasonOf(said: string): string {
  const message = said.replace(/: unknown$/, "");
  const at = message.indexOf("exec: ");
  return at < 0 ? message : message.slice(at);
}
