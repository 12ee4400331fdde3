import type { UserInfo } from "../access/access.ts";
import type { Answer, HttpRequest } from "../http/answer.ts";
import type { ResourcePath } from "../http/request-info.ts";

/** One request after it was answered, or refused. */
export interface ServedRequest {
  readonly http: HttpRequest;
  /** Undefined where no resource is asked for. */
  readonly path: ResourcePath | undefined;
  /** As RBAC names it; the method in lower case where no resource is asked for. */
  readonly verb: string;
  /** Undefined where nobody knows who asks. */
  readonly user: UserInfo | undefined;
  /** Whether the resource is one that is served. */
  readonly isServed: boolean;
  readonly code: number;
  /** Undefined for an error. */
  readonly answer: Answer | undefined;
  /** Address of the client's end of the connection. */
  readonly remoteAddress: string;
  /** Names the request in the answer and in the audit log. */
  readonly auditId: string;
  /** What admission noted of it. */
  readonly annotations: ReadonlyMap<string, string>;
  readonly receivedAt: Date;
  readonly tookMs: number;
}
