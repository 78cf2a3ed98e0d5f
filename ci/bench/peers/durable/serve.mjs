// What the peers of durable steps share: for each line "PARALLEL SECONDS" of standard input, one line of JSON.
import readline from 'node:readline';

// How long an async function takes, in seconds.
async function timed(work) {
    const begin = process.hrtime.bigint();
    await work();
    return Number(process.hrtime.bigint() - begin) / 1e9;
}

// `run(parallel, steps)` does `steps` durable steps in each of `parallel` lanes at once, and throws unless all were done.
// How many steps fill the seconds is known from the measurement before; the first ones are a warm-up.
export async function serve(peer, run) {
    const rates = new Map();
    const measure = async (parallel, steps) => {
        const wall_s = await timed(() => run(parallel, steps));
        rates.set(parallel, steps / wall_s);
        return { count: parallel * steps, wall_s };
    };
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const [parallel, seconds] = line.split(' ').map(Number);
        if (!(parallel > 0 && seconds > 0)) throw new Error(`not PARALLEL SECONDS: ${line}`);
        const filling = (wanted_s) => Math.max(20, Math.round(rates.get(parallel) * wanted_s));
        if (!rates.has(parallel)) {
            await measure(parallel, 20);
            await measure(parallel, filling(0.5));
            await measure(parallel, filling(0.5));
        }
        const { count, wall_s } = await measure(parallel, filling(seconds));
        console.log(JSON.stringify({ peer, what: `${parallel}`, count, wall_s }));
    }
    process.exit(0);
}
