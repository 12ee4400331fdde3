import type { Secret } from "../api/core.ts";
import { formatKey, type ObjectKey } from "../api/meta.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { CPU_MEMORY_PAIRS } from "../backends/code-engine/client/rules/cpu-memory.ts";
import { codeEngineBackend } from "../backends/code-engine/code-engine-backend.ts";
import type { BackendDriver } from "../controllers/backend-driver.ts";
import { TerminalError } from "../machinery/errors.ts";
import type { Fence } from "../machinery/fence.ts";

/** Code Engine has no limit of processes; what deployments ask for has no effect, and their guardrails say so. */
const PIDS = 100;

const SIZES = CPU_MEMORY_PAIRS.map(({ vcpu, memoryBytes }) => ({ cpuMillis: vcpu * 1000, memoryBytes }));

/** RuntimeBackends of type code-engine. `installation` tells this Slipway's apps from another's in the same project. */
export function codeEngineDriver(installation: string, fence?: Fence): BackendDriver {
  return {
    settings({ codeEngine }) {
      if (!codeEngine) throw missing();
      const { defaultLimits, defaultScaling, orphanCollection, apiKeySecretRef, registrySecretRef } = codeEngine;
      return {
        defaults: {
          limits: { ...defaultLimits, pids: PIDS },
          limitsPids: false,
          sizes: SIZES,
          scaling: defaultScaling,
        },
        orphanCollection,
        images: {
          override: codeEngine.endpoints?.registry,
          ...(registrySecretRef && { pullSecret: keyOf(registrySecretRef) }),
        },
        secrets: [apiKeySecretRef, ...(registrySecretRef ? [registrySecretRef] : [])].map(keyOf),
      };
    },
    create({ metadata, spec: { codeEngine } }, [apiKey, registry], logger) {
      if (!codeEngine) throw missing();
      const { key } = codeEngine.apiKeySecretRef;
      const config = {
        name: metadata.name,
        spec: codeEngine,
        installation,
        fence,
        apiKey: textOf(apiKey, key, codeEngine.apiKeySecretRef).trim(),
        dockerConfig: registry && textOf(registry, ".dockerconfigjson", registry.metadata),
      };
      return codeEngineBackend(config, logger);
    },
  };
}

function keyOf({ namespace, name }: ObjectKey): ObjectKey {
  return { namespace, name };
}

function textOf(
  secret: Secret | undefined,
  key: string,
  { namespace = "", name }: { namespace?: string; name: string },
): string {
  const found = secret?.data?.[key];
  if (found !== undefined) return Buffer.from(found, "base64").toString("utf8");
  throw new TerminalError(
    Reason.SecretNotFound,
    `key "${key}" of Secret "${formatKey({ namespace, name })}" does not exist; add the key`,
  );
}

function missing(): TerminalError {
  return new TerminalError(Reason.InvalidSpec, "spec.codeEngine: must be set for type code-engine");
}
