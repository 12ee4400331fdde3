import { request } from "node:http";
import { connect } from "node:net";
import type { Upstream } from "../runtime/runtime.ts";
import type { ProbeSpec } from "./probe-fields.ts";

/** Asks once. `port` is the application's, for probes that name none. Never throws. */
export async function probeOnce(upstream: Upstream, probe: ProbeSpec, port: number): Promise<boolean> {
  switch (upstream.kind) {
    case "closed":
      return false;
    case "handler": {
      if (probe.type !== "http") return true;
      const { status } = await upstream.handle(new Request(`http://localhost:${port}${probe.path ?? "/"}`));
      return isSuccess(status);
    }
    case "socket": {
      const target = { host: upstream.host, port: probe.port === 0 ? upstream.port : probe.port };
      return probe.type === "http" ? await getSucceeds(target, probe) : await accepts(target, probe);
    }
    default:
      return upstream satisfies never;
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function accepts(target: Target, { timeout }: ProbeSpec): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...target, timeout: timeout * 1000 });
  const answer = (accepted: boolean) => {
    socket.destroy();
    resolve(accepted);
  };
  socket.once("connect", () => answer(true));
  socket.once("timeout", () => answer(false));
  socket.once("error", () => answer(false));
  return promise;
}

function getSucceeds(target: Target, { path = "/", timeout }: ProbeSpec): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const call = request({ ...target, path, agent: false, signal: AbortSignal.timeout(timeout * 1000) });
  call.once("response", (response) => {
    response.destroy();
    resolve(isSuccess(response.statusCode ?? 0));
  });
  call.once("error", () => resolve(false));
  call.end();
  return promise;
}

/** As Kubernetes judges HTTP probes. */
function isSuccess(status: number): boolean {
  return status >= 200 && status < 400;
}
