import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { AdmissionPlugin } from "../admission/admission.ts";
import type { VirtualResource, VirtualSubresource } from "../http/virtual-resource.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import type { Authenticator, Authorizer } from "./access.ts";
import { localSubjectAccessReview, selfSubjectAccessReview, subjectAccessReview } from "./access-review.ts";
import { ClusterRoleAggregator } from "./aggregation.ts";
import { CredentialAuthenticator } from "./authenticator.ts";
import { bootstrapAccess } from "./bootstrap.ts";
import { selfSubjectReview, tokenReview } from "./identity-review.ts";
import { ImpersonatingAuthenticator } from "./impersonation.ts";
import { rbacAdmission } from "./rbac-admission.ts";
import { RbacAuthorizer } from "./rbac-authorizer.ts";
import { selfSubjectRulesReview } from "./rules-review.ts";
import { ServiceAccountTokens } from "./service-account-tokens.ts";
import { loadSigningKey, type SigningKey } from "./signing-key.ts";
import { storedRbacObjects } from "./stored-rbac.ts";
import { tokenRequest } from "./token-request.ts";
import { UserTokens } from "./user-tokens.ts";

export interface ServerAccessOptions {
  /** Where users and the signing key are kept; must exist. */
  readonly dataDir: string;
  readonly reader: ObjectReader;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Everything by which the API server tells who asks and what they may do. */
export class ServerAccess implements AsyncDisposable {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly admission: AdmissionPlugin;
  readonly virtualResources: readonly VirtualResource[];
  readonly virtualSubresources: readonly VirtualSubresource[];
  readonly #options: ServerAccessOptions;
  readonly #rbac: RbacAuthorizer;
  #aggregator: ClusterRoleAggregator | undefined;

  /** Reads the signing key, or makes it. @throws {Error} naming the file where it cannot be used. */
  static async open(options: ServerAccessOptions): Promise<ServerAccess> {
    return new ServerAccess(options, await loadSigningKey(options.dataDir));
  }

  private constructor(options: ServerAccessOptions, key: SigningKey) {
    const { dataDir, reader, clock, logger } = options;
    const rbac = new RbacAuthorizer(storedRbacObjects(reader));
    const tokens = new ServiceAccountTokens({ key, reader, clock });
    const users = new UserTokens(dataDir, logger);
    const credentials = new CredentialAuthenticator({ users, serviceAccounts: tokens, clock });
    this.#options = options;
    this.#rbac = rbac;
    this.authorizer = rbac;
    this.authenticator = new ImpersonatingAuthenticator(credentials, rbac);
    this.admission = rbacAdmission(rbac);
    this.virtualResources = [
      tokenReview(credentials),
      selfSubjectReview(),
      subjectAccessReview(rbac),
      localSubjectAccessReview(rbac),
      selfSubjectAccessReview(rbac),
      selfSubjectRulesReview(rbac),
    ];
    this.virtualSubresources = [tokenRequest({ tokens, reader, clock })];
  }

  /** Installs the default roles, and keeps aggregated ones up to date from then on. At the start, and after a restore. */
  async start(writer: ObjectWriter): Promise<void> {
    const { reader, clock, logger } = this.#options;
    await bootstrapAccess({ reader, writer });
    this.#aggregator ??= new ClusterRoleAggregator({ reader, writer, clock, logger });
    await this.#aggregator.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#aggregator?.[Symbol.asyncDispose]();
    this.#rbac[Symbol.dispose]();
  }
}
