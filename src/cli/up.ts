import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CustomResourceDefinition } from "../api/custom-resource-definition.ts";
import { API_VERSION, type RuntimeBackend, runtimeBackends } from "../api/v1alpha1/index.ts";
import { customResourceDefinition } from "../api/v1alpha1/kind-schema.ts";
import { kindSchemas } from "../api/v1alpha1/kinds.ts";
import { ApprovalLog } from "../audit/approval-log.ts";
import { systemClock } from "../machinery/clock.ts";
import { createKubeClient } from "../machinery/http-kube-client.ts";
import { kubeconfigPath, writeAdminKubeconfig } from "../server/access/kubeconfig.ts";
import { type ApiServer, startApiServer } from "../server/api-server.ts";
import { type AdmissionMode, admissionOf } from "./admission-mode.ts";
import { AuditLog } from "./audit-log.ts";
import { AUDIT_LOG } from "./audit-verify.ts";
import { AuditedAdmission } from "./audited-admission.ts";
import { type ControllerCredentials, controllerCredentials } from "./controller-credentials.ts";
import type { GatewayFlags } from "./gateway-options.ts";
import type { ListenAddress } from "./listen-address.ts";
import { listening } from "./listen-error.ts";
import { createLogger, type LogFormat, type LogLevel } from "./logging.ts";
import { applyManifests, readManifests } from "./manifests.ts";
import { type Runtime, startRuntime } from "./runtime.ts";
import { stopSignal } from "./stop-signal.ts";

export interface UpOptions extends GatewayFlags {
  dataDir: string;
  listen: ListenAddress;
  admission: AdmissionMode;
  gatewayListen: ListenAddress;
  metricsListen: ListenAddress;
  filename?: string;
  logFormat: LogFormat;
  logLevel: LogLevel;
}

/** Field manager of what `up` itself writes. */
const FIELD_MANAGER = "slipway-up";

/**
 * `slipway up`: the API server, and the controllers against it, until SIGTERM or SIGINT. Prints one line with `ready` to
 * stdout when kubeconfig and endpoints.json stand in the data directory and all manifests are applied.
 */
export async function up(options: UpOptions): Promise<number> {
  const { dataDir, filename } = options;
  const logger = createLogger({ format: options.logFormat, level: options.logLevel });
  const manifests = filename === undefined ? [] : await readManifests(filename);
  const stop = stopSignal();
  await using stack = new AsyncDisposableStack();

  const crds = kindSchemas.map(customResourceDefinition) as CustomResourceDefinition[];
  const audit = stack.use(new AuditLog(join(dataDir, "api-audit.log"), logger));
  const approvals = new ApprovalLog({ clock: systemClock, logger });
  // After the server has closed, which is the last to hand anything in.
  stack.defer(() => approvals.end());
  const observer = new AuditedAdmission({ log: approvals, clock: systemClock });
  const admission = stack.use(
    admissionOf(options.admission, { clock: systemClock, logger: logger.child({ part: "admission" }), observer }),
  );
  const controllers: { credentials?: ControllerCredentials } = {};
  const server = await listening("--listen", options.listen, () =>
    startApiServer({
      dataDir,
      listen: options.listen,
      crds,
      audit(event) {
        audit.write(event);
        observer.served(event);
      },
      ...admission.options,
      // The service account of the restored state may be another one of that name.
      afterRestore: () => controllers.credentials?.renew(),
      logger: logger.child({ part: "server" }),
    }),
  );
  stack.defer(() => server.close());
  await writeAdminKubeconfig({ dataDir, url: server.url, caPem: server.caPem }, systemClock);
  const admin = stack.use(
    await createKubeClient({ kubeconfigPath: kubeconfigPath(dataDir), userAgent: FIELD_MANAGER }),
  );
  await createDefaultBackends(server);
  controllers.credentials = await controllerCredentials(
    admin,
    { dataDir, url: server.url, caPem: server.caPem },
    { clock: systemClock, logger, signal: stop },
  );
  const runtime = stack.use(
    await startRuntime({
      ...{ ...options, kubeconfig: controllers.credentials, logger, stop },
      audit: { log: approvals, admission: observer, path: join(dataDir, AUDIT_LOG) },
    }),
  );
  await writeEndpoints(dataDir, server, runtime);
  await applyManifests(admin, manifests, { fieldManager: FIELD_MANAGER, signal: stop });

  process.stdout.write(`slipway is ready: KUBECONFIG=${kubeconfigPath(dataDir)}\n`);
  await runtime.ended;
  logger.info("stopping");
  return 0;
}

/**
 * Places to run, where nobody has declared one of that name. Later changes and deletion are the user's. Made by the server, so
 * that nobody counts as having asked for it where an approval is about what runs there.
 */
async function createDefaultBackends({ reader, writer }: ApiServer): Promise<void> {
  const items = reader.list<RuntimeBackend>(runtimeBackends);
  const host = process.env.DOCKER_HOST;
  const docker = {
    default: !items.some((backend) => backend.spec.default),
    // As for Docker's own tools; what they reach by SSH needs a RuntimeBackend of its own.
    ...(host !== undefined && /^(unix|tcp):/.test(host) && { docker: { host } }),
  };
  // Whoever may write deployments here may also use what listens on this machine; its network is another matter.
  const remote = { remote: { allowedCidrs: ["127.0.0.0/8", "::1/128"] } };
  // Processes share this machine with Slipway: who may write elsewhere is not to start any.
  const processes = { allowedNamespaces: ["default"] };
  for (const [type, section] of Object.entries({ docker, process: processes, remote })) {
    if (items.some(({ metadata }) => metadata.name === type)) continue;
    const spec = { type, ...section };
    const backend = { apiVersion: API_VERSION, kind: "RuntimeBackend", metadata: { name: type }, spec };
    await writer.create(runtimeBackends, backend, { fieldManager: FIELD_MANAGER });
  }
}

async function writeEndpoints(dataDir: string, server: ApiServer, runtime: Runtime): Promise<void> {
  const endpoints = { api: server.url, gateway: runtime.gatewayUrl, metrics: runtime.metricsUrl };
  await writeFile(join(dataDir, "endpoints.json"), `${JSON.stringify(endpoints, null, 2)}\n`, { mode: 0o600 });
}
