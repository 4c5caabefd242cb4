/** Runs a suite: every contestant in turn, over and over, so that what disturbs the machine disturbs all of them. */
import { median } from "./tools.mjs";

/**
 * A suite is one measurement for several contestants: `{ id, reps, peerReps?, contestants, tables }`. A contestant is
 * `{ who, runtime, run(bench) }`; a sample is whatever `run` answers. A table reads one number out of a sample.
 * Answers the tables, with a cell for each contestant that it has a number for.
 */
export async function runSuite(suite, bench, quick, say) {
  const contestants = suite.contestants(bench);
  const reps = quick ? Math.min(suite.reps, 2) : suite.reps;
  // Peers whose figure holds still, or of whom the size is enough, may be asked less often.
  const repsOf = (who) => /^(ours|C,)/.test(who) ? reps : Math.min(reps, suite.peerReps ?? reps);
  const samples = contestants.map(() => []);
  const began = Date.now();
  for (let rep = 0; rep < reps; rep++) {
    for (const [i, { who, runtime, run }] of contestants.entries()) {
      if (rep >= repsOf(who)) continue;
      say(`${suite.id} ${rep + 1}/${reps}: ${who} (${runtime})`);
      try {
        samples[i].push(await run(bench));
      } catch (error) {
        say(`${suite.id}: ${who} (${runtime}) FAILED: ${error.message}`, true);
      }
    }
  }
  say(`${suite.id}: done in ${((Date.now() - began) / 1_000).toFixed(0)} s`, true);
  return suite.tables.map((table) => tableOf(table, contestants, samples));
}

function tableOf(
  { id, title, unit, growth = false, less = false, digits = 0, base, targets = [], value },
  contestants,
  samples,
) {
  const cells = [];
  for (const [i, { who, runtime }] of contestants.entries()) {
    const all = samples[i].map((sample) => value(sample, who)).filter((one) => one !== undefined && !Number.isNaN(one));
    if (all.length === 0) continue;
    const cell = {
      who,
      runtime,
      value: median(all),
      lowest: Math.min(...all),
      highest: Math.max(...all),
      samples: all.length,
    };
    cells.push(cell);
  }
  const references = cells.filter(({ who }) => base === who);
  for (const cell of cells) {
    // The same runtime's, where each has its own; else C's.
    const reference = references.find(({ runtime }) => runtime === cell.runtime) ?? references[0];
    if (reference && reference !== cell && reference.value !== 0) cell.ratio = cell.value / reference.value;
    const target = targets.find(({ who }) => who === cell.who);
    if (target) {
      cell.reached = reference || !target.needsBase ? target.reached(cell.value, reference?.value) : null;
      cell.target = target.text;
    }
  }
  return { id, title, unit, growth, less, digits, base: references.length > 0 ? base : undefined, cells };
}
