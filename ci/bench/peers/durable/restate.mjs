// A handler of Restate whose `ctx.run` steps do nothing but return; the server runs already.
//
//   RESTATE_ADMIN=http://… RESTATE_INGRESS=http://… node restate.mjs     for each line "PARALLEL SECONDS" a line of JSON
//   …  node restate.mjs crash|recover STEPS PORT                      dies in the middle step; goes on after that
import http2 from 'node:http2';
import { serve } from './serve.mjs';

// The SDK wants node 22, for this alone.
Promise.withResolvers ??= () => {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
};
const restate = await import('@restatedev/restate-sdk');

const [mode, wanted, port] = process.argv.slice(2);
const started = process.hrtime.bigint();
let executed = 0;
const service = restate.service({
    name: 'bench',
    handlers: {
        steps: async (ctx, steps) => {
            let sum = 0;
            for (let i = 0; i < steps; i += 1) {
                sum += await ctx.run(`step-${i}`, () => {
                    executed += 1;
                    if (mode === 'crash' && i === Math.floor(steps / 2)) process.kill(process.pid, 'SIGKILL');
                    return i;
                });
            }
            return sum;
        },
    },
});
const expected = (steps) => (steps * (steps - 1)) / 2;
const endpoint = http2.createServer(restate.createEndpointHandler({ services: [service] }));
await new Promise((listening) => { endpoint.listen(Number(port ?? 0), '127.0.0.1', listening); });

async function post(url, body, headers = {}) {
    const answer = await fetch(url, {
        method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
    return JSON.parse(text);
}

async function invoke(steps, headers) {
    const sum = await post(`${process.env.RESTATE_INGRESS}/bench/steps`, steps, headers);
    if (sum !== expected(steps)) throw new Error(`wrong result: ${sum}`);
}

if (mode === 'recover') {
    // The server calls the handler again by itself; whoever asks with the same key gets the same invocation.
    await invoke(Number(wanted), { 'idempotency-key': 'crashed' });
    const wall_s = Number(process.hrtime.bigint() - started) / 1e9;
    console.log(JSON.stringify({ peer: 'restate', what: 'recover', executed, wall_s }));
    process.exit(0);
}
await post(`${process.env.RESTATE_ADMIN}/deployments`, { uri: `http://127.0.0.1:${endpoint.address().port}`, force: true });
if (mode === 'crash') {
    await invoke(Number(wanted), { 'idempotency-key': 'crashed' });
} else {
    await serve('restate', (parallel, steps) => Promise.all(Array.from({ length: parallel }, () => invoke(steps))));
}
