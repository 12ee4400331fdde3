import { expect, it } from "@jest/globals";
import { LegacyCalls } from "./legacy-calls.ts";
import { LegacySessions } from "./legacy-sessions.ts";
import { LegacyStream } from "./legacy-stream.ts";

const OWNER = { caller: "c", owner: "o" };
const ENDPOINT = "event: endpoint\ndata: /m\n\n";

/** A stream that passes to another replica, and what that one makes of it. */
function world({ isForwarded = true, reads = true } = {}) {
  const sessions = new LegacySessions();
  const elsewhere = new LegacyCalls({ readsSent: true });
  let passed = "";
  let isReading = reads;
  const pass = (bytes: Uint8Array) => {
    passed += Buffer.from(bytes).toString();
    elsewhere.passed(bytes);
  };
  const tell = (text: string) => {
    if (isReading) pass(Buffer.from(text));
    return isReading;
  };
  let id = "";
  const options = { ...OWNER, sessions, streamUrl: "http://server/sse", tell: isForwarded ? tell : undefined };
  const stream = new LegacyStream(options, (named) => {
    id = named;
    return `/here?sessionId=${named}`;
  });
  const serves = (text: string) => pass(stream.chunk(Buffer.from(text)));
  serves(ENDPOINT);
  passed = "";
  return {
    serves,
    sends: (...ids: (string | number)[]) => sessions.find(`?sessionId=${id}`, OWNER)?.sent(ids),
    elsewhere,
    passed: () => passed,
    readsAgain: () => {
      isReading = true;
    },
  };
}

const answerTo = (id: string | number) =>
  `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", id, result: {} })}\n\n`;

it("says in the stream which calls are sent, so that another replica knows which are open", () => {
  const { serves, sends, elsewhere, passed } = world();
  sends(1, "tw\no");
  sends(3);
  expect(passed()).toBe(': slipway-sent [1,"tw\\no"]\n: slipway-sent [3]\n');
  serves(answerTo(1));
  expect(elsewhere.unanswered()).toEqual(["tw\no", 3]);
});

it("says it between lines of the server's, not within one", () => {
  const { serves, sends, elsewhere, passed } = world();
  const [head, rest] = [answerTo(1).slice(0, 30), answerTo(1).slice(30)];
  sends(1);
  serves(head);
  sends(2);
  expect(elsewhere.unanswered()).toEqual([1]);
  serves(rest);
  expect(passed()).toBe(`: slipway-sent [1]\n${answerTo(1)}: slipway-sent [2]\n`);
  expect(elsewhere.unanswered()).toEqual([2]);
});

it("does not say it of a call that was answered meanwhile, nor twice", () => {
  const { serves, sends, elsewhere, passed } = world();
  serves("data: x");
  sends(1, 2);
  serves(`\n\n${answerTo(1)}`);
  serves(": hello\n");
  expect(passed().match(/slipway-sent .*/g)).toEqual(["slipway-sent [2]"]);
  expect(elsewhere.unanswered()).toEqual([2]);
});

it("says it to one who does not read with what comes next", () => {
  const { serves, sends, elsewhere, passed, readsAgain } = world({ reads: false });
  sends(1);
  expect(passed()).toBe("");
  readsAgain();
  serves(": hello\n");
  expect(elsewhere.unanswered()).toEqual([1]);
});

it("says nothing to a client itself", () => {
  const { serves, sends, passed } = world({ isForwarded: false });
  sends(1);
  serves(answerTo(2));
  expect(passed()).toBe(answerTo(2));
});

it.each([
  { because: "it is no list", comment: ": slipway-sent 1\n" },
  { because: "it is no JSON", comment: ": slipway-sent [\n" },
  { because: "it holds no ids", comment: ": slipway-sent [null,{}]\n" },
  { because: "it says something else", comment: ": ping\n" },
])("a comment counts for nothing where $because", ({ comment }) => {
  const calls = new LegacyCalls({ readsSent: true });
  calls.passed(Buffer.from(comment));
  expect(calls.unanswered()).toEqual([]);
});

it("a server's comment counts for nothing where the server itself has the stream", () => {
  const calls = new LegacyCalls();
  calls.passed(Buffer.from(": slipway-sent [1]\n"));
  expect(calls.unanswered()).toEqual([]);
});
