/** The house's rules on its own source: what may import what, and how long a file may be. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";

const root = fileURLToPath(import.meta.resolve("../../"));

/** From the ground up. A file imports from its own floor and those below. */
const floors = ["ffi", "poller", "connector", "cli"];
const LONGEST = 400;

const src = filesIn("src");

test("imports run downwards only: cli > connector > poller > ffi", () => {
  const upward = src.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => posix.join(dirname(file), specifier))
      .filter((target) => floorOf(target) > floorOf(file))
      .map((target) => `${file} imports ${target}`)
  );
  assertEquals(upward, []);
});

test("src imports nothing from outside but node: modules", () => {
  const foreign = src.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => !/^\.\.?\//.test(specifier) && !specifier.startsWith("node:"))
      .map((specifier) => `${file} imports ${specifier}`)
  );
  assertEquals(foreign, []);
});

test("bun: modules and the Deno namespace's FFI are reached on the ground floor alone", () => {
  const reaching = src.filter((file) => /"bun:ffi"|\bdlopen\(/.test(code(file)));
  assertEquals(reaching.filter((file) => floorOf(file) > 0), []);
});

test("mod.ts re-exports, nothing else", () => {
  for (const statement of code("mod.ts").split(";").map((one) => one.trim()).filter(Boolean)) {
    assertMatch(statement, /^export (type )?\{[^}]*\} from "\.\/src\/[^"]+"$/);
  }
});

test(`no file is longer than ${LONGEST} lines`, () => {
  const files = ["mod.ts", ...["src", "tests", "examples", "scripts"].flatMap(filesIn)];
  const lengths = files.map((file) => ({ file, lines: read(file).split("\n").length - 1 }));
  assertEquals(lengths.filter(({ lines }) => lines > LONGEST), []);
});

test("the reader of imports sees each form", () => {
  const text = [
    `import "./a.ts";`,
    `import b from "./b.ts";`,
    `import {\n  c,\n} from "./c.ts";`,
    `export * from "./d.ts";`,
    `export type { E } from "./e.ts";`,
    `const f = await import("./f.ts");`,
    `type G = typeof import("./g.ts");`,
    `/**\n * import h from "./h.ts";\n */`,
    `// import i from "./i.ts";`,
  ].join("\n");
  assertEquals(specifiersIn(text).sort(), ["a", "b", "c", "d", "e", "f", "g"].map((name) => `./${name}.ts`));
});

/** The floor's number, 0 at the ground. A folder of src that is no floor, or a file beside them, has no place. */
function floorOf(file: string): number {
  const floor = floors.indexOf(file.split("/")[1]);
  if (!file.startsWith("src/") || floor < 0) throw new Error(`${file} is on no floor: ${floors.join(", ")}`);
  return floor;
}

function importsOf(file: string): string[] {
  return specifiersIn(read(file));
}

function specifiersIn(text: string): string[] {
  const bare = withoutComments(text);
  const forms = [/^(?:import|export)\b[^;"]*\bfrom\s+"([^"]+)"/gm, /^import\s+"([^"]+)"/gm, /\bimport\(\s*"([^"]+)"/g];
  return forms.flatMap((form) => [...bare.matchAll(form)].map((match) => match[1]));
}

function code(file: string): string {
  return withoutComments(read(file));
}

/** Comments as this house writes them: at the start of a line, or after code and a space. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, "").replaceAll(/(^|\s)\/\/ .*$/gm, "");
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** The sources in a folder, and in those below it, by their path from the project's. */
function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => posix.join(folder, String(name)))
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .sort();
}
