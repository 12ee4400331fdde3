import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { type HttpEndpoint, instanceOf } from "./workload-endpoint.ts";

/**
 * Pure. Where the status says that what runs listens: as far as one knows who has just started, or is not the controller.
 * Undefined where nothing runs, and for what no status can tell of (stdio, remote).
 */
export function recordedEndpoint({ metadata, spec, status }: RuntimeDeployment): HttpEndpoint | undefined {
  const { workload, url: servedAt } = status ?? {};
  if (workload?.id === undefined) return undefined;
  const { id, startedAt, endpoint, transport } = workload;
  // Before there was a gateway, `status.url` was the server's own.
  const isOlder = transport === undefined;
  const type = isOlder ? (spec.transport?.type ?? "streamable-http") : transport;
  const url = isOlder ? servedAt : endpoint;
  if (url === undefined || url === "" || type === "stdio") return undefined;
  // What a newer spec allows is not yet allowed to what runs.
  const forwards = spec.transport?.forwardAuthorization === true && workload.generation === metadata.generation;
  return {
    kind: "http",
    transport: type,
    url,
    instance: instanceOf({ id, startedAt }),
    ...(forwards && { forwardAuthorization: true }),
  };
}
