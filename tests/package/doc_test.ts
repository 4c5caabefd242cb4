/** Every ts example in README.md and in the JSDoc of the sources runs as it stands, in this runtime. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { type Outcome, spawnSelf } from "../support.ts";

const root = fileURLToPath(import.meta.resolve("../../"));

/** A process start is most of what an example costs; this many at a time. */
const CONCURRENCY = 4;
/** An example that takes longer hangs. */
const LIMIT = 30_000;

interface Example {
  readonly file: string;
  /** Of its first line of code. */
  readonly line: number;
  readonly code: string;
}

const sources = readdirSync(join(root, "src"), { recursive: true })
  .map((name) => join("src", String(name)))
  .filter((name) => name.endsWith(".ts"))
  .sort();

const examples = ["README.md", "mod.ts", ...sources].flatMap((file) =>
  examplesIn(file, readFileSync(join(root, file), "utf8"))
);
const outcomes = runAll(examples);

for (const [i, { file, line }] of examples.entries()) {
  test(`the example at ${file}:${line} runs`, async () => {
    const { code, signal, stdout, stderr } = await outcomes[i];
    assertEquals({ code, signal }, { code: 0, signal: null }, `stdout: ${stdout}\nstderr: ${stderr}`);
  });
}

test("README.md and both entry points have examples, and none is passed over", () => {
  for (const file of ["README.md", "mod.ts", "src/ffi/mod.ts"]) {
    assert(examples.some((example) => example.file === file), `${file} has none`);
  }
  for (const file of ["README.md", "mod.ts", ...sources]) {
    const opened = readFileSync(join(root, file), "utf8").match(/```ts\b/g)?.length ?? 0;
    const found = examples.filter((example) => example.file === file).length;
    assertEquals(found, opened, `${file}: examples that are not run`);
  }
});

test("the reader finds the blocks of Markdown and of JSDoc, and no other language's", () => {
  const markdown = "text\n```ts\na();\n\nb();\n```\n```sh\nno\n```\n- list\n  ```ts\n  c();\n  ```\n";
  assertEquals(examplesIn("x.md", markdown).map(({ line, code }) => [line, code]), [[3, "a();\n\nb();"], [12, "c();"]]);
  const jsdoc =
    "/**\n * Text.\n * ```ts\n * a();\n *\n *   b();\n * ```\n */\nconst c = 1;\n  /**\n   * ```ts\n   * d();\n   * ```\n   */\n";
  assertEquals(examplesIn("x.ts", jsdoc).map(({ line, code }) => [line, code]), [[4, "a();\n\n  b();"], [12, "d();"]]);
});

/** The fenced ts blocks of a text, without the margin that a list or a comment gives them. */
function examplesIn(file: string, text: string): Example[] {
  const margin = file.endsWith(".md") ? " *" : " *\\* ";
  const fence = new RegExp(`^(${margin})\`\`\`ts\\n([\\s\\S]*?)^${margin}\`\`\`$`, "gm");
  return [...text.matchAll(fence)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length + 1,
    code: match[2].trimEnd().split("\n").map((line) => line.slice(match[1].length)).join("\n"),
  }));
}

/** Starts with the first few; each one that ends makes room for the next. */
function runAll(all: Example[]): Promise<Outcome>[] {
  const results = all.map(() => Promise.withResolvers<Outcome>());
  for (const { promise } of results) promise.catch(() => {}); // its test awaits it, but perhaps later
  let next = 0;
  const runner = async () => {
    while (next < all.length) {
      const i = next++;
      await spawnSelf(all[i].code, { limit: LIMIT }).then(results[i].resolve, results[i].reject);
    }
  };
  for (let i = 0; i < CONCURRENCY; i++) void runner();
  return results.map(({ promise }) => promise);
}
