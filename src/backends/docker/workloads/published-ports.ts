import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { type PublishedPorts, revisionKey } from "./host-ports.ts";
import { DockerLabel, roleFromLabels } from "./object-labels.ts";

/**
 * Host ports that containers of an Engine have: those that run, whoever made them, by what is published; ours that do
 * not run by their label.
 */
export async function publishedPorts(engine: EngineClient): Promise<PublishedPorts> {
  // Several creations share the answer, so it is not bound to the signal of one.
  const options = { signal: new AbortController().signal };
  const list = (docker: Docker) => docker.listContainers({ all: true });
  const containers = await engine.call("list containers", list, options);
  const taken = containers.flatMap(({ Ports }) => Ports.map(({ PublicPort }) => PublicPort));
  const ofRevisions = containers.flatMap(({ Labels }): [string, number][] => {
    const { [Label.Uid]: uid, [Label.SpecHash]: hash, [DockerLabel.HostPort]: port } = Labels;
    if (!uid || !hash || !port) return [];
    return [[revisionKey({ uid, role: roleFromLabels(Labels), hash }), Number(port)]];
  });
  const all = [...taken, ...ofRevisions.map(([, port]) => port)];
  return { ports: new Set(all.filter((port) => port > 0)), ofRevisions: new Map(ofRevisions) };
}
