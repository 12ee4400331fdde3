import type { Agent } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Fence } from "./fence.ts";

/**
 * Has each connection of an agent ask the fence before it writes, whoever made the request and however long it has waited since,
 * and break off once the fence closes. Answers the agent.
 */
export function fenceConnections<A extends Agent>(agent: A, fence: Fence | undefined): A {
  if (!fence) return agent;
  const connect = agent.createConnection;
  agent.createConnection = (...args) => {
    const connection = connect.apply(agent, args);
    return connection instanceof Socket ? fenceSocket(connection, fence) : connection;
  };
  return agent;
}

/** The same for an agent that goes through a proxy, and hands over a connection once the proxy has made one. */
export function fenceProxiedConnections(agent: Agent, fence: Fence): Agent {
  const connect = agent.createConnection;
  agent.createConnection = (options, made) =>
    connect.call(agent, options, (error, connection) => {
      // Of TLS within the tunnel the handshake has only begun.
      const isEstablished = !(connection instanceof TLSSocket);
      made?.(error, connection instanceof Socket ? fenceSocket(connection, fence, { isEstablished }) : connection);
    });
  return agent;
}

type Done = (error?: Error | null) => void;

/** The same for one connection, over which nothing has been written yet. */
export function fenceSocket<S extends Socket>(socket: S, fence: Fence, { isEstablished = false } = {}): S {
  // Node.js keeps what is written before, and writes it by itself once there is a connection.
  const established = socket instanceof TLSSocket ? "secureConnect" : "connect";
  socket.once(established, () => {
    isEstablished = true;
  });
  const send = (work: () => void, done: Done) => {
    if (!isEstablished) return void socket.once(established, () => send(work, done));
    try {
      fence.check();
    } catch (error) {
      return done(error as Error);
    }
    work();
  };
  const { _write: write, _writev: writev } = socket;
  socket._write = (chunk, encoding, done) => send(() => write.call(socket, chunk, encoding, done), done);
  if (writev) socket._writev = (chunks, done) => send(() => writev.call(socket, chunks, done), done);
  const close = () => socket.destroy(fence.closed.reason);
  fence.closed.addEventListener("abort", close, { once: true });
  socket.once("close", () => fence.closed.removeEventListener("abort", close));
  return socket;
}
