import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";

const TOKEN_PATH = "/api/v1/namespaces/slipway-system/serviceaccounts/slipway-controller/token";
const LIFETIME_SECONDS = 24 * 60 * 60;
/** Long before the end, so that an hour of trouble with the disk costs nothing. */
const RENEWAL_MS = (LIFETIME_SECONDS / 4) * 1000;
const RETRY_MS = 60_000;

/** The controllers' way to the API server. */
export interface ControllerCredentials {
  /** Names the file with the token. */
  readonly kubeconfigText: string;
  /** Has a new token made now: the service account may be another one. */
  renew(): void;
}

/**
 * Gives the controllers of `slipway up` the identity that they have in a cluster: a token of their service account, kept
 * in `controller.token` of the data directory and renewed until `signal`.
 */
export async function controllerCredentials(
  admin: KubeClient,
  server: { readonly dataDir: string; readonly url: string; readonly caPem: string },
  { clock, logger, signal }: { clock: Clock; logger: Logger; signal: AbortSignal },
): Promise<ControllerCredentials> {
  const tokenFile = join(server.dataDir, "controller.token");
  await renewToken(admin, tokenFile);
  let cancel: () => void = () => undefined;
  const renew = () => {
    cancel();
    renewToken(admin, tokenFile).then(
      () => renewLater(RENEWAL_MS),
      (error: Error) => {
        logger.warn("the controllers' token was not renewed", { error: error.message });
        renewLater(RETRY_MS);
      },
    );
  };
  const renewLater = (delayMs: number) => {
    cancel();
    if (!signal.aborted) cancel = clock.schedule(delayMs, renew);
  };
  signal.addEventListener("abort", () => cancel(), { once: true });
  renewLater(RENEWAL_MS);
  const kubeconfigText = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "slipway",
        cluster: {
          server: server.url,
          "certificate-authority-data": Buffer.from(server.caPem).toString("base64"),
        },
      },
    ],
    users: [{ name: "slipway-controller", user: { tokenFile } }],
    contexts: [{ name: "slipway", context: { cluster: "slipway", user: "slipway-controller" } }],
    "current-context": "slipway",
  });
  return { kubeconfigText, renew };
}

async function renewToken(admin: KubeClient, tokenFile: string): Promise<void> {
  const request = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: LIFETIME_SECONDS },
  };
  const { status } = await admin.request<{ status: { token: string } }>("POST", TOKEN_PATH, request);
  await writeFile(tokenFile, status.token, { mode: 0o600 });
}
