import { createServer } from "node:http";

createServer((_request, response) => {
  response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Welcome to nginx!</body></html>");
}).listen(Number(process.env.PORT));
process.on("SIGTERM", () => process.exit(0));
