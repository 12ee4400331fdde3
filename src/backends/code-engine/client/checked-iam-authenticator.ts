import { IamAuthenticator, IamTokenManager } from "ibm-cloud-sdk-core";

type Options = ConstructorParameters<typeof IamAuthenticator>[0];

/**
 * IBM's authenticator for API keys, without a trap: when it renews a token in the background and gets something that is
 * none, nobody catches what it throws, and the process ends.
 */
export class CheckedIamAuthenticator extends IamAuthenticator {
  constructor(options: Options) {
    super(options);
    this.tokenManager = new CheckedTokenManager(options);
  }
}

class CheckedTokenManager extends IamTokenManager {
  /** Rejects where there is no token; the library handles that on every path. It keeps the same token once more. */
  protected override async requestToken(): Promise<unknown> {
    const answer: unknown = await super.requestToken();
    this.saveTokenInfo(answer);
    return answer;
  }
}
