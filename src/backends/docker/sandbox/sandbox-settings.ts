import { readFileSync } from "node:fs";
import type { DockerConfig } from "../docker-config.ts";

/** What a RuntimeBackend says about its sandboxes. */
export interface SandboxSettings {
  /** What the Engine knows their image by. */
  readonly image: string;
  /** P: an address is open for P to 2 P after the last answer that named it. */
  readonly addressHoldSeconds: number;
  /** Addresses of the resolvers that are asked; empty: those that the Engine gives containers. */
  readonly dns: readonly string[];
  /** Addresses and CIDRs that may connect to published ports, beside the Engine's port proxy. */
  readonly allowedSources: readonly string[];
  /** Where ports are published. */
  readonly bindAddress: string;
}

export function sandboxSettings({ sandbox, publish }: DockerConfig["spec"]): SandboxSettings {
  return {
    image: sandbox.image || ownSandboxImage(),
    addressHoldSeconds: sandbox.addressHoldSeconds,
    dns: sandbox.dns ?? [],
    allowedSources: publish.allowedSources ?? [],
    bindAddress: publish.bindAddress,
  };
}

/** The image that belongs to this version of Slipway. */
export function ownSandboxImage(): string {
  const file = new URL("../../../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  return `slipway-sandbox:${version}`;
}
