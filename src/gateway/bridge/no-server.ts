/** No server could be had for a client. `reason` is PascalCase, for programs. */
export class NoServer extends Error {
  override readonly name = "NoServer";
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
