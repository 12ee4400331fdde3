import { describe, expect, it } from "@jest/globals";
import type { DockerConfig } from "./docker-config.ts";
import { endpointProblem } from "./endpoint-problem.ts";
import { parseEngineAddress } from "./engine/engine-address.ts";

const tls = { ca: undefined, cert: "", key: "" };
const HERE = "unix:///var/run/docker.sock";
const THERE = "tcp://engine.example:2376";
const allowedSources = ["10.1.0.0/16"];

function problem(host: string, publish: Partial<DockerConfig["spec"]["publish"]>, sharesLoopback = true) {
  const spec = { publish: { bindAddress: "127.0.0.1", ...publish } } as DockerConfig["spec"];
  return endpointProblem(parseEngineAddress(host, tls), { spec, sharesLoopback });
}

describe("endpointProblem", () => {
  it.each([
    { because: "the Engine is here", host: HERE, publish: {} },
    { because: "the Engine is here, ports are for all", host: HERE, publish: { bindAddress: "0.0.0.0" } },
    { because: "the Engine is behind a tunnel", host: "tcp://127.0.0.1:2375", publish: {} },
    {
      because: "it is told all three",
      host: THERE,
      publish: { bindAddress: "10.1.0.9", advertiseAddress: "e", allowedSources },
    },
    {
      because: "ports are bound to what it can dial",
      host: THERE,
      publish: { bindAddress: "10.1.0.9", allowedSources },
    },
    {
      because: "ports are bound to all of the machine that it dials",
      host: THERE,
      publish: { bindAddress: "::", allowedSources },
    },
    { because: "a proxy of that machine leads to its loopback", host: THERE, publish: { advertiseAddress: "proxy" } },
    {
      because: "a pod is told",
      host: HERE,
      publish: { bindAddress: "0.0.0.0", advertiseAddress: "node", allowedSources },
      sharesLoopback: false,
    },
    {
      because: "a pod has its host's network, and says so",
      host: HERE,
      publish: { advertiseAddress: "127.0.0.1" },
      sharesLoopback: false,
    },
  ])("sees none: $because", ({ host, publish, sharesLoopback = true }) => {
    expect(problem(host, publish, sharesLoopback)).toBeUndefined();
  });

  it.each([
    { because: "the loopback is another machine's", host: THERE, publish: {}, says: "bindAddress" },
    { because: "the loopback is not the pod's", host: HERE, publish: {}, sharesLoopback: false, says: "bindAddress" },
    {
      because: "all addresses are, to a pod, its own",
      host: HERE,
      publish: { bindAddress: "0.0.0.0", allowedSources },
      sharesLoopback: false,
      says: "advertiseAddress",
    },
    {
      because: "sandboxes would refuse connections",
      host: THERE,
      publish: { bindAddress: "0.0.0.0", advertiseAddress: "e" },
      says: "allowedSources",
    },
  ])("names what to set: $because", ({ host, publish, sharesLoopback = true, says }) => {
    expect(problem(host, publish, sharesLoopback)).toEqual({
      reason: "EndpointsNotReachable",
      message: expect.stringContaining(says),
    });
  });
});
