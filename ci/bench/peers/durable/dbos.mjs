// Workflows of DBOS Transact on PostgreSQL whose steps do nothing but return.
//
//   DATABASE_URL=postgresql://… node dbos.mjs                  for each line "PARALLEL SECONDS" a line of JSON
//   DATABASE_URL=postgresql://… node dbos.mjs crash|recover STEPS     dies in the middle step; goes on after that
import { DBOS } from '@dbos-inc/dbos-sdk';
import { serve } from './serve.mjs';

const [mode, wanted] = process.argv.slice(2);
const started = process.hrtime.bigint();
DBOS.setConfig({
    name: 'durable-steps', systemDatabaseUrl: process.env.DATABASE_URL, systemDatabasePoolSize: 20,
    runAdminServer: false, logLevel: 'error', applicationVersion: '1', executorID: 'bench',
});

let executed = 0;
async function step(i) {
    executed += 1;
    if (mode === 'crash' && i === Math.floor(Number(wanted) / 2)) process.kill(process.pid, 'SIGKILL');
    return i;
}
const workflow = DBOS.registerWorkflow(async (steps) => {
    let sum = 0;
    for (let i = 0; i < steps; i += 1) sum += await DBOS.runStep(() => step(i), { name: `step-${i}` });
    return sum;
}, { name: 'steps' });
const expected = (steps) => (steps * (steps - 1)) / 2;

await DBOS.launch();
if (mode === 'crash') {
    const handle = await DBOS.startWorkflow(workflow, { workflowID: 'crashed' })(Number(wanted));
    await handle.getResult();
} else if (mode === 'recover') {
    const sum = await DBOS.retrieveWorkflow('crashed').getResult();
    if (sum !== expected(Number(wanted))) throw new Error(`wrong result after the crash: ${sum}`);
    const wall_s = Number(process.hrtime.bigint() - started) / 1e9;
    console.log(JSON.stringify({ peer: 'dbos', what: 'recover', executed, wall_s }));
} else {
    await serve('dbos', async (parallel, steps) => {
        const handles = await Promise.all(Array.from({ length: parallel }, () => DBOS.startWorkflow(workflow)(steps)));
        const sums = await Promise.all(handles.map((handle) => handle.getResult()));
        if (sums.some((sum) => sum !== expected(steps))) throw new Error(`wrong results: ${sums}`);
    });
}
process.exit(0);
