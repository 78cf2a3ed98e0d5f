// A graph of LangGraph.js with one node in a loop and a checkpoint in PostgreSQL after each pass, durability "sync".
//
//   DATABASE_URL=postgresql://… node langgraph.mjs                   for each line "PARALLEL SECONDS" a line of JSON
//   DATABASE_URL=postgresql://… node langgraph.mjs crash|recover STEPS      dies in the middle step; goes on after that
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { serve } from './serve.mjs';

const [mode, wanted] = process.argv.slice(2);
const started = process.hrtime.bigint();
const last = () => Annotation({ reducer: (_, newer) => newer, default: () => 0 });

let executed = 0;
const graph = new StateGraph(Annotation.Root({ done: last(), steps: last() }))
    .addNode('step', async (state) => {
        executed += 1;
        if (mode === 'crash' && state.done === Math.floor(state.steps / 2)) process.kill(process.pid, 'SIGKILL');
        return { done: state.done + 1 };
    })
    .addEdge(START, 'step')
    .addConditionalEdges('step', (state) => (state.done < state.steps ? 'step' : END));
const saver = PostgresSaver.fromConnString(process.env.DATABASE_URL);
await saver.setup();
const app = graph.compile({ checkpointer: saver });

async function thread(name, input, steps) {
    const state = await app.invoke(input, {
        configurable: { thread_id: name }, recursionLimit: steps + 10, durability: 'sync',
    });
    if (state.done !== steps) throw new Error(`${state.done} steps of ${steps}`);
}

if (mode === 'crash') {
    await thread('crashed', { done: 0, steps: Number(wanted) }, Number(wanted));
} else if (mode === 'recover') {
    await thread('crashed', null, Number(wanted));
    const wall_s = Number(process.hrtime.bigint() - started) / 1e9;
    console.log(JSON.stringify({ peer: 'langgraph', what: 'recover', executed, wall_s }));
} else {
    let batch = 0;
    await serve('langgraph', (parallel, steps) => {
        batch += 1;
        const lanes = Array.from({ length: parallel }, (_, lane) => `${batch}-${lane}`);
        return Promise.all(lanes.map((name) => thread(name, { done: 0, steps }, steps)));
    });
}
process.exit(0);
