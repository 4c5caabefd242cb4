/** The tables as text: who runs down, the runtimes run across. */
const COLUMNS = ["C", "Deno", "Bun", "Node", "nmap"];

const number = (value, digits) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** One table, aligned. */
export function show({ title, unit, less, digits, base, cells }) {
  const lines = [`${title}   [${unit}; ${less ? "less" : "more"} is better${base ? `; × ${base}` : ""}]`];
  const whos = [...new Set(cells.map(({ who }) => who))];
  const columns = COLUMNS.filter((column) => cells.some(({ runtime }) => runtime === column));
  const text = (who, column) => {
    const cell = cells.find((one) => one.who === who && one.runtime === column);
    if (cell === undefined) return "";
    const ratio = cell.ratio === undefined ? "" : ` (${cell.ratio.toFixed(2)} ×)`;
    return number(cell.value, digits) + ratio + (cell.reached === false ? " MISSED" : "");
  };
  const first = Math.max(...whos.map((who) => who.length), 10);
  const widths = columns.map((column) => Math.max(column.length, ...whos.map((who) => text(who, column).length)));
  lines.push(`  ${"".padEnd(first)}  ${columns.map((column, i) => column.padStart(widths[i])).join("  ")}`);
  for (const who of whos) {
    lines.push(
      `  ${who.padEnd(first)}  ${columns.map((column, i) => text(who, column).padStart(widths[i])).join("  ")}`,
    );
  }
  for (const text of new Set(cells.map(({ target }) => target).filter(Boolean))) lines.push(`  target: ${text}`);
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** In a line each: which targets are not reached. */
export function misses(tables) {
  return tables.flatMap(({ title, unit, digits, cells }) =>
    cells.filter(({ reached }) => reached === false).map(({ who, runtime, value, ratio, target }) =>
      `${title}: ${who} in ${runtime} ${number(value, digits)} ${unit}${
        ratio ? ` (${ratio.toFixed(2)} ×)` : ""
      }; target ${target}`
    )
  );
}

/** Which targets could not be told reached or missed, for what they are measured against is missing. */
export function unjudged(tables) {
  return tables.flatMap(({ title, cells }) => cells.some(({ reached }) => reached === null) ? [title] : []);
}
