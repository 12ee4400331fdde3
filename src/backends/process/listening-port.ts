import { createServer } from "node:net";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import { systemCode } from "./supervisor/system-error.ts";

/** What a server would meet that listens on this port. Resolves where it is free. @throws {TransientError} `PortConflict` */
export async function checkPortFree(port: number, takenBy: string | undefined): Promise<void> {
  if (takenBy === undefined && !(await isBound(port))) return;
  const by = takenBy ?? "another program of this machine";
  const message = `port ${port} is taken by ${by}; set spec.transport.port to another one, and have the server listen there`;
  throw new TransientError(Reason.PortConflict, message);
}

async function isBound(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  // A port that this user may not have is for the server to find out.
  server.once("error", (error) => resolve(systemCode(error) === "EADDRINUSE"));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(false)));
  return await promise;
}
