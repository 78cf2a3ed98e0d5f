// Turns of OpenAI's ScriptedModel with one tool: TURNS - 1 tool calls, then the answer. Repeats for about SECONDS of CPU time.
//
//   node openai_turns.mjs TURNS SECONDS
import { Agent, Runner, setTracingDisabled, tool } from '@openai/agents';
import { ScriptedModel, assistantMessage, functionCall } from '@openai/agents/testing';
import { z } from 'zod';

const turns = Number(process.argv[2]);
const seconds = Number(process.argv[3]);
setTracingDisabled(true);

const look = tool({
    name: 'look',
    description: 'looks a key up',
    parameters: z.object({ key: z.string() }),
    execute: async () => '{"ok":true,"rows":3}',
});

async function run() {
    const script = [];
    for (let i = 1; i < turns; i += 1) script.push([functionCall('look', { key: 'a' }, { callId: `call-${i}` })]);
    script.push([assistantMessage('done')]);
    const model = new ScriptedModel(script);
    const agent = new Agent({ name: 'bench', instructions: 'look and answer', model, tools: [look] });
    const result = await new Runner({ tracingDisabled: true }).run(agent, 'go', { maxTurns: turns + 1 });
    model.assertComplete();
    if (result.finalOutput !== 'done') throw new Error(`unexpected answer: ${result.finalOutput}`);
}

const spent = (from) => {
    const used = process.cpuUsage(from);
    return (used.user + used.system) / 1e6;
};

// Until the just-in-time compiler has seen the path.
const warm = process.cpuUsage();
do await run(); while (spent(warm) < 0.5);

const wall = performance.now();
const cpu = process.cpuUsage();
let runs = 0;
do {
    await run();
    runs += 1;
} while (spent(cpu) < seconds);
console.log(JSON.stringify({
    peer: 'openai-agents', what: 'turns', turns, count: runs * turns, cpu_s: spent(cpu), wall_s: (performance.now() - wall) / 1e3,
}));
