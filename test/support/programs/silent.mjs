import { createServer } from "node:net";

createServer((socket) => socket.on("error", () => socket.destroy())).listen(Number(process.env.PORT));
process.on("SIGTERM", () => process.exit(0));
