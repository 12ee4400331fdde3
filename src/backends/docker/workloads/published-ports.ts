import type Docker from "dockerode";
import type { EngineClient } from "../engine/engine-client.ts";
import { DockerLabel } from "./object-labels.ts";

/**
 * Host ports that containers of an Engine have: those that run, whoever made them, by what is published; ours that do
 * not run by their label.
 */
export async function publishedPorts(engine: EngineClient): Promise<ReadonlySet<number>> {
  // Several creations share the answer, so it is not bound to the signal of one.
  const options = { signal: new AbortController().signal };
  const list = (docker: Docker) => docker.listContainers({ all: true });
  const containers = await engine.call("list containers", list, options);
  const ports = containers.flatMap(({ Ports, Labels }) => [
    ...Ports.map(({ PublicPort }) => PublicPort),
    Number(Labels[DockerLabel.HostPort]),
  ]);
  return new Set(ports.filter((port) => port > 0));
}
