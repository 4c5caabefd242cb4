import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { head, row, title, wrap } from "../../examples/tour/table.ts";

const refused = {
  target: "127.0.0.1:54321",
  errno: "ECONNREFUSED 111",
  verdict: "retry",
  source: "so_error",
  ms: "0.4",
  note: "the host answered that nothing listens on this port, or a firewall rejects it with a reset",
};

test("a row's cells stand below the names of their columns", () => {
  const [names] = head(80);
  const [cells] = row(refused, 80);
  for (const [name, cell] of [["target", "127"], ["errno", "ECONN"], ["verdict", "retry"], ["said by", "so_error"]]) {
    assertEquals(cells.indexOf(cell), names.indexOf(name), name);
  }
  assertEquals(cells.length, names.length, "ms is aligned to the right");
});

test("every line fits the width, and a narrow one breaks long cells", () => {
  const long = { ...refused, target: `unix:/run/${"x".repeat(90)}`, source: "something very long", ms: "5000.1" };
  for (const width of [72, 80, 100]) {
    for (const line of [...head(width), ...title(refused.note, width), ...row(refused, width), ...row(long, width)]) {
      assert(line.length <= width, `${width}: ${line}`);
    }
    const end = head(width)[0].indexOf("errno");
    const targets = row({ ...long, note: undefined }, width).map((line) => line.slice(0, end).trim());
    assertEquals(targets.join(""), long.target, "nothing of it is lost");
  }
});

test("the note comes below, indented and whole; without one there is only the row", () => {
  const [, ...note] = row(refused, 80);
  assert(note.every((line) => line.startsWith("    ") && line[4] !== " "));
  assertEquals(note.map((line) => line.trim()).join(" "), refused.note);
  assertEquals(row({ ...refused, note: undefined }, 80).length, 1);
});

test("colours are put around the padded text, so that they move nothing", () => {
  const style = (format: string, text: string) => `<${format}>${text}</>`;
  const strip = (lines: string[]) => lines.map((line) => line.replace(/<\/?\w*>/g, "").trimEnd());
  assertEquals(strip(row(refused, 80, style)), row(refused, 80));
  const colourOf = (verdict: string) => /<(\w+)>/.exec(row({ ...refused, verdict }, 80, style)[0])![1];
  assertEquals(
    ["connected", "retry", "fatal", "unexpected", "refused", "stopped", "skipped"].map(colourOf),
    ["green", "yellow", "red", "red", "red", "dim", "dim"],
  );
  assert(row(refused, 80, style)[1].startsWith("<dim>    the host"));
});

test("wrap() breaks between words, and within a word that is too long", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("one two", 80), ["one two"]);
  assertEquals(wrap("a 123456789 b", 4), ["a", "1234", "5678", "9 b"]);
  assertEquals(wrap("12345678", 4), ["1234", "5678"]);
  assertEquals(wrap("", 4), [""]);
});
