import { linuxProcesses, type ProcessTable } from "../../src/backends/process/supervisor/process-table.ts";
import { type NewProcess, Supervisor } from "../../src/backends/process/supervisor/supervisor.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import type { Logger } from "../../src/machinery/logger.ts";

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** Opens a supervisor on folders below `directory`, as tests and the program that they kill do. */
export async function openSupervisor(directory: string, table: ProcessTable = linuxProcesses): Promise<Supervisor> {
  return await Supervisor.open({
    stateDirectory: `${directory}/state`,
    workDirectory: `${directory}/work`,
    ownUsers: process.getuid?.() === 0,
    path: process.env.PATH ?? "",
    clock: systemClock,
    table,
    logger: silent,
  });
}

/** As a program: starts what its second argument says, tells that it has, and waits to be killed. */
if (import.meta.filename === process.argv[1]) {
  const [, , directory = "", processes = "[]"] = process.argv;
  const supervisor = await openSupervisor(directory);
  for (const one of JSON.parse(processes) as NewProcess[]) await (await supervisor.create(one)).start();
  console.log("started");
  setInterval(() => undefined, 60_000);
}
