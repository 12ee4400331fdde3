import { describe, expect, it } from "@jest/globals";
import type { NoticeParts } from "../../test/support/approval-notices.ts";
import { failureOf, NOTIFY, noticeOf, SecretTable } from "../../test/support/approval-notices.ts";
import { witnessed } from "../../test/support/secrets/witnessed.ts";
import {
  type SmtpFaults,
  type SmtpReceiver,
  startSilentServer,
  startSmtpReceiver,
} from "../../test/support/smtp-receiver.ts";
import { EmailSender } from "./email-sender.ts";

const LOGIN = { user: "slipway@example.org", pass: "correct horse battery staple" };
const never = new AbortController().signal;
const mailOf = (parts: NoticeParts = {}) => noticeOf({ channel: "email", ...parts });

interface Server {
  readonly port: number;
  readonly caPem?: string;
}

function senderTo({ port, caPem = "" }: Server, values: Readonly<Record<string, string>> = {}) {
  const settings = { host: "localhost", port: String(port), from: "Slipway <slipway@example.org>", ...values };
  const secrets = new SecretTable().set("mail", { ...settings, "ca.crt": caPem, ...values }, ["password"]);
  return witnessed(new EmailSender({ secrets, phaseMs: 2_000, totalMs: 5_000 }), { name: "sender" });
}

/** Of one mail: its headers by name in lower case, unfolded, and its text. */
function parsed(receiver: SmtpReceiver): { headers: Map<string, string[]>; text: string } {
  const [mail] = receiver.mails;
  if (!mail) throw new Error("no mail came");
  const [head = "", ...rest] = mail.source.split("\r\n\r\n");
  const headers = new Map<string, string[]>();
  for (const line of head.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n")) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(line.indexOf(":") + 1).trim()]);
  }
  const body = rest.join("\r\n\r\n");
  const isQuoted = headers.get("content-transfer-encoding")?.[0] === "quoted-printable";
  const text = isQuoted
    ? decodeURIComponent(
        body
          .replaceAll("=\r\n", "")
          .replaceAll("%", "%25")
          .replaceAll(/=([0-9A-F]{2})/g, "%$1"),
      )
    : body;
  return { headers, text };
}

describe("EmailSender", () => {
  it.each(["implicit", "starttls"] as const)("speaks TLS, %s, and says who it is", async (tls) => {
    await using receiver = await startSmtpReceiver({ tls, login: LOGIN });
    const sender = senderTo(receiver, { tls, username: LOGIN.user, password: LOGIN.pass });
    await sender.send(mailOf(), never);
    expect(receiver.mails).toMatchObject([
      { from: "slipway@example.org", to: ["security@example.org"], isEncrypted: true, user: LOGIN.user },
    ]);
    const { headers, text } = parsed(receiver);
    expect(headers.get("subject")).toEqual(["[slipway] Approval needed: team-a/files"]);
    expect(headers.get("from")).toEqual(["Slipway <slipway@example.org>"]);
    expect(headers.get("auto-submitted")).toEqual(["auto-generated"]);
    expect(headers.get("content-type")).toEqual([expect.stringMatching(/^text\/plain; charset=utf-8/)]);
    expect(text).toContain("docker.io/foreign/server is in none of the registries");
    expect(text).toContain("slipway approve files-1f2e3d4c -n team-a");
  });

  it("speaks without TLS to loopback alone, and only when told to", async () => {
    await using receiver = await startSmtpReceiver({ tls: "none" });
    expect((await failureOf(senderTo(receiver).send(mailOf(), never))).message).toMatch(/closed the connection|TLS/);
    const elsewhere = senderTo(receiver, { tls: "none", host: "10.1.2.3" });
    expect((await failureOf(elsewhere.send(mailOf(), never))).message).toMatch(/no loopback, and tls is none/);
    await senderTo(receiver, { tls: "none" }).send(mailOf(), never);
    expect(receiver.mails).toMatchObject([{ isEncrypted: false }]);
  });

  it("trusts the authority of the Secret, and no other", async () => {
    await using receiver = await startSmtpReceiver();
    await using other = await startSmtpReceiver();
    const sender = senderTo({ port: receiver.port, caPem: other.caPem });
    expect((await failureOf(sender.send(mailOf(), never))).message).toMatch(/TLS|certificate/);
    expect(receiver.mails).toEqual([]);
  });

  it("tells requesters of decisions and expiries where their names are addresses, and shows them to nobody", async () => {
    const requesters = ["dev@example.org", "system:serviceaccount:argocd:argocd", "bob", "x@y.org\r\nBcc: all@y.org"];
    await using receiver = await startSmtpReceiver();
    const sender = senderTo(receiver);
    for (const event of ["Requested", "Escalated", "Approved", "Rejected", "Expired"] as const) {
      await sender.send(mailOf({ event, requesters }), never);
    }
    const policy = "security@example.org";
    expect(receiver.mails.map(({ to }) => to)).toEqual([
      [policy],
      [policy],
      [policy, "dev@example.org"],
      [policy, "dev@example.org"],
      [policy, "dev@example.org"],
    ]);
    for (const { source } of receiver.mails) {
      expect(source).toMatch(/^To: security@example\.org\r$/m);
      expect(source).not.toMatch(/^Bcc:/im);
    }
  });

  it("lets nobody write headers, commands or the end of the message", async () => {
    await using receiver = await startSmtpReceiver();
    const evil = "x\r\n.\r\nMAIL FROM:<evil@example.org>\r\nBcc: all@example.org\r\n\r\n<b>hello</b>\r\n.";
    const notice = mailOf({ event: "Rejected", requesters: [evil], trigger: evil });
    const { approval } = notice;
    // Admission lets no such names through; a mail does not rely on it.
    const spec = { ...approval.spec, deploymentRef: { name: `files\r\nBcc: all@example.org`, uid: "u" } };
    await senderTo(receiver).send({ ...notice, approval: { ...approval, spec } }, never);
    expect(receiver.mails).toHaveLength(1);
    const { headers, text } = parsed(receiver);
    expect(headers.has("bcc")).toBe(false);
    expect(headers.get("subject")).toHaveLength(1);
    expect(text).toContain("x . MAIL FROM:<evil@example.org> Bcc: all@example.org");
  });

  it("gives a repetition the same Message-ID", async () => {
    await using receiver = await startSmtpReceiver();
    const sender = senderTo(receiver);
    receiver.faults = { hangUp: true };
    expect((await failureOf(sender.send(mailOf(), never))).isFinal).toBe(false);
    receiver.faults = {};
    await sender.send(mailOf(), never);
    await sender.send(mailOf({ event: "Expired" }), never);
    const ids = receiver.mails.map(({ source }) => /^Message-ID: (.*)$/im.exec(source)?.[1]);
    expect(ids[0]).toMatch(/^<[0-9a-f]{32}\.slipway@example\.org>/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it.each<{ because: string; faults: SmtpFaults; message: RegExp; isFinal: boolean }>([
    {
      because: "it takes none of the addresses",
      faults: { recipient: { address: "security@example.org", code: 550 } },
      message: /answered 550|takes none/,
      isFinal: true,
    },
    {
      because: "it wants to be asked again",
      faults: { recipient: { address: "security@example.org", code: 451 } },
      message: /answered 451/,
      isFinal: false,
    },
    { because: "it refuses the message", faults: { message: { code: 554 } }, message: /answered 554/, isFinal: true },
    { because: "its disk is full", faults: { message: { code: 452 } }, message: /answered 452/, isFinal: false },
  ])("fails when $because", async ({ faults, message, isFinal }) => {
    await using receiver = await startSmtpReceiver();
    receiver.faults = faults;
    const failure = await failureOf(senderTo(receiver).send(mailOf(), never));
    expect(failure.message).toMatch(message);
    expect(failure.isFinal).toBe(isFinal);
  });

  it("delivers to the others when one requester's address is refused", async () => {
    await using receiver = await startSmtpReceiver();
    receiver.faults = { recipient: { address: "dev@example.org", code: 550 } };
    await senderTo(receiver).send(mailOf({ event: "Approved" }), never);
    expect(receiver.mails.map(({ to }) => to)).toEqual([["security@example.org"]]);
  });

  it.each([
    { because: "the password is wrong", values: { username: LOGIN.user, password: "another password" } },
    { because: "there is none", values: {} },
  ])("fails when $because", async ({ values }) => {
    await using receiver = await startSmtpReceiver({ login: LOGIN });
    const failure = await failureOf(senderTo(receiver, values).send(mailOf(), never));
    expect(failure.message).toMatch(/credentials|answered 530/);
    expect(receiver.mails).toEqual([]);
  });

  it.each([
    { because: "it does not greet", greeting: "" },
    { because: "it says nothing after its greeting", greeting: "220 hello\r\n" },
    { because: "it speaks something else", greeting: "SSH-2.0-OpenSSH_9.2\r\n" },
  ])("fails in time when $because", async ({ greeting }) => {
    await using server = await startSilentServer(greeting);
    const failure = await failureOf(senderTo(server).send(mailOf(), never));
    expect(failure.isFinal).toBe(false);
  });

  it.each([
    { because: "nobody listens", values: { port: "1" }, message: /refused/ },
    { because: "there is no host", values: { host: "" }, message: /^"host" of Secret ops\/mail is missing$/ },
    { because: "the host is a URL", values: { host: "smtp://mail" }, message: /"host" .* is no host/ },
    { because: "the port is none", values: { port: "0" }, message: /"port" .* is no port/ },
    { because: "tls is misspelt", values: { tls: "ssl" }, message: /is none of implicit, starttls and none/ },
    { because: "from is none", values: { from: "slipway" }, message: /"from" .* is no e-mail address/ },
    { because: "the password is missing", values: { username: "me" }, message: /"password" .* is missing/ },
    { because: "it is where clouds keep credentials", values: { host: "169.254.169.254" }, message: /link-local/ },
  ])("fails when $because", async ({ values, message }) => {
    expect((await failureOf(senderTo({ port: 1 }, values).send(mailOf(), never))).message).toMatch(message);
  });

  it("gives up when the policy has no addresses any more", async () => {
    const { webhook } = NOTIFY;
    const notice = mailOf(webhook ? { notify: { webhook } } : {});
    expect((await failureOf(senderTo({ port: 1 }).send(notice, never))).isFinal).toBe(true);
  });

  it("ends with its signal", async () => {
    await using server = await startSilentServer();
    const stop = new AbortController();
    const sending = senderTo(server).send(mailOf(), stop.signal);
    stop.abort(new Error("the process stops"));
    await expect(sending).rejects.toThrow("the process stops");
  });
});
