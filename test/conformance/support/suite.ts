import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, jest } from "@jest/globals";
import { eventually } from "../../support/eventually.ts";
import type { Body } from "./body.ts";
import type { Answer, Client } from "./client.ts";
import { type DefinitionOptions, definition, type Kind } from "./definition.ts";
import { OwnServer } from "./own-server.ts";
import { type Connected, connect, isExternal } from "./target.ts";

jest.setTimeout(120_000);

/** Of the server that test/support/conformance-setup.ts started, where it ran. */
const sharedKubeconfig = isExternal ? undefined : process.env.CONFORMANCE_KUBECONFIG;

export interface SuiteOptions {
  readonly killsServer?: boolean;
}

type Cleanup = () => Promise<unknown>;

export interface Namespace {
  readonly name: string;
  /** Path of a collection of the core group in this namespace, `configmaps`, or of one of its objects. */
  core(plural: string, name?: string): string;
  /** The same for another group: `in("apps/v1", "deployments")`. */
  in(groupVersion: string, plural: string, name?: string): string;
}

/**
 * What the cases of a file share: the server, an administrator's client, and the removal of whatever they make, after each
 * case (or, for what `beforeAll` made, after all) and also when they fail.
 */
export class Suite {
  #connected: Connected | undefined;
  #server: OwnServer | undefined;
  #afterEach: Cleanup[] = [];
  readonly #afterAll: Cleanup[] = [];
  #isInCase = false;

  /** Everything is allowed to it. */
  get api(): Client {
    return this.#connection.client;
  }

  /** Whoever holds a token. */
  bearer(token: string): Client {
    return this.#connection.nobody.with({ authorization: `Bearer ${token}` });
  }

  /** Without any credentials. */
  get nobody(): Client {
    return this.#connection.nobody;
  }

  /** Ours alone; there is none when the server is somebody else's. */
  get server(): OwnServer {
    if (this.#server === undefined) throw new Error("this case needs a server of its own");
    return this.#server;
  }

  /** Without a server that all files share, or where cases kill theirs, starts one. */
  async open({ killsServer }: SuiteOptions): Promise<void> {
    if (!isExternal && (killsServer || sharedKubeconfig === undefined)) this.#server = await OwnServer.start();
    await this.reconnect();
  }

  /** Needed after a restart, when the port is another. */
  async reconnect(): Promise<void> {
    await this.#connected?.close();
    this.#connected = await connect(this.#server?.kubeconfig ?? sharedKubeconfig);
  }

  get #connection(): Connected {
    if (this.#connected === undefined) throw new Error("the suite has not connected yet");
    return this.#connected;
  }

  enterCase(): void {
    this.#isInCase = true;
  }

  async leaveCase(): Promise<void> {
    this.#isInCase = false;
    await runAll(this.#afterEach.splice(0));
  }

  async close(): Promise<void> {
    try {
      await runAll(this.#afterAll.splice(0));
    } finally {
      await this.#connected?.close();
      await this.#server?.[Symbol.asyncDispose]();
    }
  }

  /** Runs after the case, last registered first. */
  defer(cleanup: Cleanup): void {
    (this.#isInCase ? this.#afterEach : this.#afterAll).push(cleanup);
  }

  /** Removes a cluster-scoped object after the case, whether or not it is still there. */
  removeLater(path: string): void {
    this.defer(() => this.api.send("DELETE", path));
  }

  /** A new namespace for one case. */
  async namespace(labels: Readonly<Record<string, string>> = {}): Promise<Namespace> {
    const { metadata } = await this.api.create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { generateName: "conformance-", labels },
    });
    this.removeLater(`/api/v1/namespaces/${metadata.name}`);
    return namespaceOf(metadata.name);
  }

  /** Defines a kind in a group of its own and waits until objects of it are served. */
  async kind(options: DefinitionOptions = {}): Promise<Kind> {
    const kind = definition(options);
    await this.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind.definition);
    this.removeLater(kind.path);
    await this.established(kind);
    return kind;
  }

  /** Waits until a kind is Established and its collections answer, which they may do a little later. */
  async established(kind: Kind): Promise<Body> {
    const served = kind.versions.map((version) => `/apis/${kind.group}/${version}/${kind.plural}`);
    return eventually(`${kind.plural}.${kind.group} is served`, async () => {
      const found = await this.api.get(kind.path);
      const answers = await Promise.all(served.map((path) => this.api.send("GET", path)));
      const isEstablished = JSON.stringify(found.status).includes('"reason":"InitialNamesAccepted"');
      return isEstablished && answers.every(({ status }) => status === 200) && found;
    });
  }

  /** Sends until the answer is no 403: a grant counts once the authorizer has seen it. */
  allowed(send: () => Promise<Answer>): Promise<Answer> {
    return eventually("the grant counts", async () => {
      const answer = await send();
      return answer.status !== 403 && answer;
    });
  }

  /** Waits until `path` is 404. */
  gone(path: string): Promise<true> {
    return eventually(`${path} is gone`, async () => (await this.api.send("GET", path)).status === 404, {
      explain: async () => (await this.api.send("GET", path)).text,
    });
  }
}

/** The suite of this file. It connects before, and removes what was made after, the cases. */
export function conformance(options: SuiteOptions = {}): Suite {
  const suite = new Suite();
  beforeAll(() => suite.open(options));
  beforeEach(() => suite.enterCase());
  afterEach(() => suite.leaveCase());
  afterAll(() => suite.close());
  return suite;
}

export function namespaceOf(name: string): Namespace {
  const at = (root: string, plural: string, object?: string) =>
    `${root}/namespaces/${name}/${plural}${object === undefined ? "" : `/${object}`}`;
  return {
    name,
    core: (plural, object) => at("/api/v1", plural, object),
    in: (groupVersion, plural, object) => at(`/apis/${groupVersion}`, plural, object),
  };
}

/** Lower case letters and digits that no other run has, for names of cluster-scoped objects. */
export const suffix = (): string => randomBytes(5).toString("hex");

async function runAll(cleanups: readonly Cleanup[]): Promise<void> {
  const results = await Promise.allSettled(cleanups.toReversed().map((cleanup) => cleanup()));
  const failed = results.filter((result) => result.status === "rejected").map(({ reason }) => reason);
  if (failed.length > 0) throw new AggregateError(failed, "not everything was cleaned up");
}
