/**
 * The tour's table, as text: pure functions, so that a test can look at every column.
 *
 * @module
 */

/** One attempt, ready to be shown. */
export interface Row {
  /** What was tried: `127.0.0.1:80`. */
  readonly target: string;
  /** Code and number: `ECONNREFUSED 111`; 0 for success. */
  readonly errno: string;
  /** What it means: `connected`, or the verdict. */
  readonly verdict: string;
  /** Who said so: `connect` itself, `so_error` later, our own `deadline` … */
  readonly source: string;
  /** Milliseconds from the call to the outcome. */
  readonly ms: string;
  /** Shown below: the hint of a failure, the use made of a connection. */
  readonly note?: string;
}

/** Colours a text, or leaves it alone. The formats are those of styleText() in node:util. */
export type Style = (format: "bold" | "dim" | "green" | "yellow" | "red", text: string) => string;

const plain: Style = (_format, text) => text;

const ERRNO = 16; // "ECONNREFUSED 111"
const VERDICT = 10; // "unexpected"
const SOURCE = 12; // "self-connect"
const MS = 6; // "5000.1"
const GAP = "  ";

/** The first column takes what the others leave, within reason. */
function targetWidth(width: number): number {
  const others = ERRNO + VERDICT + SOURCE + MS + 4 * GAP.length;
  return Math.min(44, Math.max(12, width - others));
}

/** The names of the columns, and a rule below them. */
export function head(width: number, style: Style = plain): string[] {
  const names = { target: "target", errno: "errno", verdict: "verdict", source: "said by", ms: "ms" };
  const lines = body(names, targetWidth(width), plain);
  const rule = "─".repeat(lines[0].length);
  return [...lines, rule].map((line) => style("dim", line));
}

/** What the rows that follow have in common. */
export function title(text: string, width: number, style: Style = plain): string[] {
  return wrap(text, width).map((line) => style("bold", line));
}

/** One attempt: a line of cells, more if a cell is too long for its column, and the note below, dimmed. */
export function row(row: Row, width: number, style: Style = plain): string[] {
  const note = row.note === undefined ? [] : wrap(row.note, width - 4);
  return [...body(row, targetWidth(width), style), ...note.map((line) => style("dim", "    " + line))];
}

function body({ target, errno, verdict, source, ms }: Row, targetWidth: number, style: Style): string[] {
  const cells = [
    wrap(target, targetWidth - 2).map((line) => "  " + line),
    wrap(errno, ERRNO),
    wrap(verdict, VERDICT),
    wrap(source, SOURCE),
  ];
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, i) => {
    const [a, b, c, d] = cells.map((lines) => lines[i] ?? "");
    const line = [
      a.padEnd(targetWidth),
      b.padEnd(ERRNO),
      style(colour(verdict), c.padEnd(VERDICT)), // padded first: colours have no width
      d.padEnd(SOURCE),
      (i === 0 ? ms : "").padStart(MS),
    ];
    return line.join(GAP).trimEnd();
  });
}

function colour(verdict: string): "green" | "yellow" | "red" | "dim" {
  switch (verdict) {
    case "connected":
      return "green";
    case "retry":
      return "yellow";
    case "skipped":
    case "stopped":
      return "dim";
    default:
      return "red";
  }
}

/** Breaks a text between words into lines of at most `width` characters; a longer word is broken within. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);

    while (lines[lines.length - 1].length > width) {
      const long = lines.pop()!;
      lines.push(long.slice(0, width), long.slice(width));
    }
  }
  return lines;
}
