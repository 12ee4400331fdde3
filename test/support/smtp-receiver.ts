import { createServer } from "node:net";
import { SMTPServer } from "smtp-server";
import { temporaryCertificates } from "../../src/server/http/certificates.ts";
import { listen } from "./listen.ts";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came: headers, an empty line, the text in its encoding. */
  readonly source: string;
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
}

export interface SmtpReceiverOptions {
  readonly port?: number;
  /** "none": STARTTLS is not offered. */
  readonly tls?: "implicit" | "starttls" | "none";
  /** Who may send; absent: everybody, without saying who. */
  readonly login?: { readonly user: string; readonly pass: string };
}

/** Answers to commands, by which a test makes it refuse. */
export interface SmtpFaults {
  /** To RCPT TO of this address. */
  recipient?: { readonly address: string; readonly code: number };
  /** To the message. */
  message?: { readonly code: number };
  /** Ends the connection instead of taking the message. */
  hangUp?: boolean;
}

export interface SmtpReceiver extends AsyncDisposable {
  readonly port: number;
  /** Of its authority. */
  readonly caPem: string;
  /** Oldest first. */
  readonly mails: ReceivedMail[];
  faults: SmtpFaults;
}

/** A mail server that keeps what it is sent. */
export async function startSmtpReceiver(options: SmtpReceiverOptions = {}): Promise<SmtpReceiver> {
  const { tls = "starttls", login } = options;
  const { caPem, certificatePem, keyPem } = await temporaryCertificates(["localhost", "127.0.0.1"], new Date());
  const mails: ReceivedMail[] = [];
  const state: { faults: SmtpFaults } = { faults: {} };
  const server = new SMTPServer({
    secure: tls === "implicit",
    disabledCommands: tls === "none" ? ["STARTTLS"] : [],
    ...{ cert: certificatePem, key: keyPem },
    authOptional: login === undefined,
    allowInsecureAuth: false,
    closeTimeout: 100,
    disableReverseLookup: true,
    onAuth({ username, password }, _, done) {
      if (username === login?.user && password === login?.pass) done(null, { user: username });
      else done(refusal(535, `no such user ${username} with ${password}`));
    },
    onRcptTo({ address }, _, done) {
      const { recipient } = state.faults;
      done(recipient?.address === address ? refusal(recipient.code, `not for ${address}`) : null);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { message, hangUp } = state.faults;
        if (message) {
          done(refusal(message.code, "not now"));
          return;
        }
        mails.push({
          from: session.envelope.mailFrom ? session.envelope.mailFrom.address : "",
          to: session.envelope.rcptTo.map(({ address }) => address),
          source: Buffer.concat(chunks).toString("utf8"),
          isEncrypted: session.secure,
          user: session.user as string | undefined,
        });
        // Taken, and nobody hears of it.
        if (hangUp) for (const connection of server.connections) (connection as Connection)._socket.destroy();
        else done();
      });
    },
  });
  server.on("error", () => undefined);
  const host = await listen(server.server, options.port);
  return {
    port: Number(host.split(":")[1]),
    caPem,
    mails,
    get faults() {
      return state.faults;
    },
    set faults(faults) {
      state.faults = faults;
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A listener that takes connections and then says nothing, or `greeting`. */
export async function startSilentServer(greeting = ""): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<import("node:net").Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(greeting);
  });
  const host = await listen(server);
  return {
    port: Number(host.split(":")[1]),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Connection {
  readonly _socket: import("node:net").Socket;
}

function refusal(code: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode: code });
}
