// The hold model on @sinonjs/fake-timers: every timer sets its successor.
//
//   node fake_timers_hold.mjs PENDING EVENTS
import FakeTimers from '@sinonjs/fake-timers';

const pending = Number(process.argv[2]);
const wanted = Number(process.argv[3]);
const range = 1_000_000;

let state = 2463534242;
function delay() {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return 1 + ((state >>> 0) % range);
}

const clock = FakeTimers.createClock();
let fired = 0;
function fire() {
    fired += 1;
    clock.setTimeout(fire, delay());
}
for (let i = 0; i < pending; i += 1) clock.setTimeout(fire, delay());

const wall = performance.now();
const cpu = process.cpuUsage();
clock.tick(Math.ceil((wanted / pending) * (range / 2)));
const used = process.cpuUsage(cpu);
console.log(JSON.stringify({
    peer: 'fake-timers', what: 'hold', pending, count: fired,
    cpu_s: (used.user + used.system) / 1e6, wall_s: (performance.now() - wall) / 1e3,
}));
