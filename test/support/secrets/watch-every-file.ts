import { afterAll } from "@jest/globals";
import { secretWatch } from "./secret-watch.ts";

// Jest runs this before each test file: no test has to think of it.
afterAll(() => secretWatch.settle());
