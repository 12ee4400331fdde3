import { startLeader } from "./replicas.ts";
import { startStdioPlace, stdioEndpoint } from "./stdio-processes.ts";

/** The replica that leads, to be killed: prints its URL. Its servers end with their input. */
const place = await startStdioPlace();
const gateway = await startLeader([stdioEndpoint("everything"), stdioEndpoint("modern")], {
  streamsSocket: place.socketPath,
});
process.stdout.write(`${gateway.url}\n`);
