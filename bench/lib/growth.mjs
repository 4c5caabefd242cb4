/** What grows how, in words, from the tables that measure one thing at several sizes. */

const shown = (value, unit) =>
  `${value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 })} ${unit}`;

/** The tables of one thing by size, as `[size, value]` for each of who measured it. */
function series(tables, prefix) {
  const byWho = new Map();
  for (const { id, cells } of tables) {
    if (!id.startsWith(prefix)) continue;
    const size = Number(id.slice(prefix.length));
    for (const { who, runtime, value } of cells) {
      const name = `${who} in ${runtime}`;
      if (!byWho.has(name)) byWho.set(name, []);
      byWho.get(name).push([size, value]);
    }
  }
  return byWho;
}

/** The exponent between two points: 0 does not grow, 1 is in proportion, 2 is the square. */
function exponent([size, value], [larger, more]) {
  return Math.log(more / value) / Math.log(larger / size);
}

/** A line for each thing and each who. */
export function growthInWords(tables) {
  const lines = [];
  for (const [name, points] of series(tables, "growth-memory-")) {
    const [[small, few], [large, many]] = points.slice(-2);
    const each = (many - few) / (large - small);
    const list = points.map(([size, value]) => `${size.toLocaleString("en-US")}: ${shown(value, "KB")}`).join(", ");
    lines.push(`memory above none, ${name}: ${list}. A fixed part, then ${each.toFixed(2)} KB each.`);
  }
  for (const [name, points] of series(tables, "growth-connects-")) {
    const list = points.map(([size, value]) => `${size.toLocaleString("en-US")}: ${shown(value, "µs")}`).join(", ");
    const power = 1 + exponent(...points.slice(-2));
    const words = power < 1.05 ? "no more than in proportion" : `faster than in proportion (n^${power.toFixed(2)})`;
    lines.push(
      `time per connect, ${name}: ${list}. From ${
        points.at(-2)[0].toLocaleString("en-US")
      } on the whole grows ${words}.`,
    );
  }
  return lines;
}
