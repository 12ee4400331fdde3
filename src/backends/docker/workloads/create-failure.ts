import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import { EngineError } from "../engine/engine-error.ts";

/** Pure. What the Engine's refusal to create a container means to the author of a deployment. */
export function createFailure(error: unknown, image: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const { status, said } = error;
  if (status === 404 && /no such image/i.test(said)) {
    return new TransientError(Reason.ImageNotFound, `image ${image} was removed from the Engine; it is pulled again`, {
      cause: error,
    });
  }
  if (/bind source path does not exist/i.test(said)) {
    const remedy = "create the directory on the Engine's machine";
    return new TransientError(Reason.InvalidSpec, `spec.volumes: ${said}; ${remedy}`, { cause: error });
  }
  if (status === 400) {
    return new TerminalError(Reason.InvalidSpec, `the Docker Engine refuses this container: ${said}`, { cause: error });
  }
  return error;
}
