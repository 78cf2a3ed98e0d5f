// Two clients add one to a counter behind an asynchronous service, searched and shrunk by fast-check's scheduler.
//
//   node race.mjs OPERATIONS SEED          searches and shrinks
//   node race.mjs OPERATIONS SEED PATH     only the case at the end of this path
//
// Begins with OPERATIONS operations, half of them each client's; shrinking may drop any of them. Prints a line of JSON.
import fc from 'fast-check';

const [operations, seed] = process.argv.slice(2, 4).map(Number);
const path = process.argv[4];
const written = Array.from({ length: operations }, (_, i) => (i % 2 === 0 ? 'left' : 'right'));

// Begins with what is written; what shrinks is any list of clients.
class Workload extends fc.Arbitrary {
    constructor() {
        super();
        this.any = fc.array(fc.constantFrom('left', 'right'), { maxLength: operations });
    }

    generate() { return new fc.Value([...written], undefined); }

    canShrinkWithoutContext(value) { return this.any.canShrinkWithoutContext(value); }

    shrink(value, context) { return this.any.shrink(value, context); }
}

let runs = 0;
const failures = [];

async function run(clients, scheduler) {
    runs += 1;
    let counter = 0;
    const read = scheduler.scheduleFunction(async function read() { return counter; });
    const write = scheduler.scheduleFunction(async function write(value) { counter = value; });
    const client = async (name) => {
        for (const each of clients) {
            if (each !== name) continue;
            const before = await read();
            await write(before + 1);
        }
    };
    await scheduler.waitFor(Promise.all([client('left'), client('right')]));
    if (counter === clients.length) return;
    failures.push({ run: runs, operations: clients.length, steps: scheduler.report().length });
    throw new Error(`${counter} after ${clients.length} operations`);
}

const property = fc.asyncProperty(new Workload(), fc.scheduler(), run);
const begin = process.hrtime.bigint();
const details = await fc.check(property, path === undefined ? { seed } : { seed, path, endOnFailure: true });
const wall_s = Number(process.hrtime.bigint() - begin) / 1e9;
if (!details.failed) throw new Error(`seed ${seed}: no update was lost`);
console.log(JSON.stringify({
    peer: 'fast-check', what: 'shrink', seed, wall_s, until_met: details.numRuns, runs, first: failures[0],
    last: failures[failures.length - 1], path: details.counterexamplePath,
    history: details.counterexample.map(String).join('\n'),
}));
