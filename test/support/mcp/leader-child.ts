import { endpointAt } from "../mcp-gateway.ts";
import { startLeader } from "./replicas.ts";
import { startStdioPlace, stdioEndpoint } from "./stdio-processes.ts";

/**
 * The replica that leads, to be killed: prints its URL. Its servers end with their input, but the one of legacy SSE, whose URL
 * is the argument.
 */
const place = await startStdioPlace();
const [sse] = process.argv.slice(2);
const legacy = sse === undefined ? [] : [endpointAt(sse, { name: "legacy", transport: "sse" })];
const gateway = await startLeader([stdioEndpoint("everything"), stdioEndpoint("modern"), ...legacy], {
  streamsSocket: place.socketPath,
});
process.stdout.write(`${gateway.url}\n`);
