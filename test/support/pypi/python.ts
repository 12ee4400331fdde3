import { requireFile } from "../tool.ts";

/**
 * The machine's own Python, with pip: other users can reach it, which those that version managers put into somebody's home
 * cannot be.
 */
export const PYTHON = "/usr/bin/python3";

/** @throws {Error} with what to install. */
export function requirePython(): void {
  requireFile("/usr/bin/pip3", "python3-pip");
}
