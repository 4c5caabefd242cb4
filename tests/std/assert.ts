/**
 * `@std/assert` as npm has it, where it comes without types: assert_types.d.ts declares what the tests use, so that
 * `assert(x)` narrows.
 */
// @ts-types="./assert_types.d.ts"
// tsc does not read the line above: it finds the same types by the paths in tsconfig.json.
export * from "deno-std/assert/mod.js";
