import type { GuardrailField } from "../../../../src/guardrails/guardrail-field.ts";
import type { Protection } from "../controls.ts";
import type { Answer, Inside } from "../inside.ts";
import type { Profile } from "../profiles.ts";
import type { Stage } from "../stage.ts";

/** Where an attempt is made: a deployment's container, or that of a control. */
export interface Spot {
  readonly inside: Inside;
  /** Its own, so that what it sends outside can be told from what others send. */
  readonly number: number;
  /** Its own on the bridge: the address of its sandbox where it has one. */
  readonly address: string;
  /** Where its MCP server is published; undefined where it is not. */
  readonly url: string | undefined;
}

/** One row of the table. */
export interface Attempt {
  readonly name: string;
  /** Fields that say Enforced because of it. */
  readonly proves: readonly GuardrailField[];
  /** Profiles under which it succeeds; under all others that it is tried in, it fails. */
  readonly succeedsIn: readonly Profile[];
  /** Profiles that it is tried in. Default: all. */
  readonly profiles?: readonly Profile[];
  readonly run: (spot: Spot, stage: Stage) => Promise<Answer>;
  /** Where the same succeeds: in a container that lacks one protection, or as told. Undefined: it succeeds in its profiles. */
  readonly control?: Protection | ((stage: Stage) => Promise<Answer>);
  /** It takes what others need, and is made after all of them, alone. */
  readonly disturbs?: boolean;
}
