// One durable execution of (step, wait of a day) x WAKES on the local runner of AWS's durable-execution SDK, time skipped.
//
//   node aws_wakes.mjs WAKES
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { LocalDurableTestRunner } from '@aws/durable-execution-sdk-js-testing';

const wakes = Number(process.argv[2]);
let steps = 0;

// The runner replaces the clocks; these are the real ones.
const nanoseconds = process.hrtime.bigint.bind(process.hrtime);
const cpu_usage = process.cpuUsage.bind(process);

await LocalDurableTestRunner.setupTestEnvironment({ skipTime: true });
const runner = new LocalDurableTestRunner({
    handlerFunction: withDurableExecution(async (event, context) => {
        for (let i = 0; i < wakes; i += 1) {
            await context.step(`look-${i}`, async () => {
                steps += 1;
                return { ok: true, rows: 3 };
            });
            await context.wait({ seconds: 86_400 });
        }
    }),
});

const wall = nanoseconds();
const cpu = cpu_usage();
const execution = await runner.run({ payload: {} });
const used = cpu_usage(cpu);
const wall_s = Number(nanoseconds() - wall) / 1e9;
if (execution.getStatus() !== 'SUCCEEDED' || steps !== wakes) throw new Error(`${execution.getStatus()} after ${steps} steps`);
console.log(JSON.stringify({
    peer: 'aws-durable', what: 'wakes', wakes, count: wakes, cpu_s: (used.user + used.system) / 1e6, wall_s,
}));
await LocalDurableTestRunner.teardownTestEnvironment();
process.exit(0);
