import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../machinery/clock.ts";
import { correlatedLogger } from "../../machinery/correlation.ts";
import type { Logger } from "../../machinery/logger.ts";
import { startTracing } from "../../telemetry/start-tracing.ts";
import type { EndpointKey } from "../directory.ts";
import { type DataPath, startDataPath } from "../mcp/data-path.ts";
import type { Leader } from "../replicas/leader.ts";
import { AskedAccess } from "./asked-access.ts";
import type { FromThread, LogLevel, ThreadData, ToThread } from "./messages.ts";
import { ReceivedDirectory } from "./received-directory.ts";

/** The thread of the data path: MCP traffic waits for nothing that the controllers or the API server do. */
const port = parentPort;
if (port === null) throw new Error("data-path-thread.ts is started as a worker");

const tell = (message: FromThread) => port.postMessage(message);
const directory = new ReceivedDirectory();
const access = new AskedAccess((id, question) => tell({ kind: "ask", id, question }));
let dataPath: DataPath | undefined;
let tracer: Awaited<ReturnType<typeof startTracing>>;
/** As told before there was a data path. */
let leader: Leader | undefined;

port.on("message", (message: ToThread) => {
  switch (message.kind) {
    case "endpoints":
      return directory.receive(message.present, message.gone);
    case "synced":
      return directory.synced();
    case "answer":
      return access.answered(message.id, message.answer);
    case "stats":
      return dataPath && tell({ kind: "stats", id: message.id, stats: dataPath.stats() });
    case "drain":
      return drain(message.id, message.key, message.isReplaced);
    case "resume":
      return dataPath?.resume(message.key);
    case "leader":
      return follow(message.leader);
    case "close":
      return void close();
    default:
      return message satisfies never;
  }
});

try {
  const settings = workerData as ThreadData;
  const logger = correlatedLogger(loggerWith({}));
  tracer = await startTracing({ part: "gateway", logger });
  dataPath = await startDataPath({ ...settings, directory, access, clock: systemClock, logger, tracer });
  if (leader) dataPath.follow(leader);
  tell({ kind: "listening", url: dataPath.url });
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException;
  tell({ kind: "failed", message, code });
  port.close();
}

function drain(id: number, key: EndpointKey, isReplaced: boolean): void {
  const calls = dataPath?.drain(key, isReplaced, () => tell({ kind: "drained", id })) ?? 0;
  tell({ kind: "draining", id, calls });
}

function follow(told: Leader): void {
  leader = told;
  dataPath?.follow(told);
}

async function close(): Promise<void> {
  await dataPath?.close();
  await tracer?.[Symbol.asyncDispose]();
  tell({ kind: "closed" });
  port?.close();
}

function loggerWith(own: Record<string, unknown>): Logger {
  const writer = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) =>
    tell({ kind: "log", level, message, fields: { ...own, ...fields } });
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    child: (fields) => loggerWith({ ...own, ...fields }),
  };
}
