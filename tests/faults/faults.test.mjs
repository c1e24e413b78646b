// Scalekit and the network fail in every way we know of: what people see, what callers get, how long it lasts, what is lost.
// Ends with a table. Slow faults run beside the quick ones, on stacks of their own.
import { after, describe, it } from 'node:test';
import { hasNames } from './front.mjs';
import { Stage, checkStory, tellStories } from './stage.mjs';

const EVERYTHING = { match: '/' };
const TOKEN = '/oauth/token';

describe('faults', { concurrency: true }, () => {
    const stories = [];
    after(() => console.log(tellStories(stories)));

    // One stack for faults that follow each other.
    const suite = (name, faults) => describe(name, { concurrency: 1 }, () => {
        let stage;
        after(() => stage?.close());
        for (const [what, prepare] of Object.entries(faults)) {
            const skip = /^DNS/.test(what) && !hasNames && 'no mount namespace is allowed here';
            it(what, { skip }, async () => {
                stage ??= await Stage.open();
                const { check, ...fault } = prepare(stage);
                const story = await stage.suffer(what, fault);
                stories.push(story);
                checkStory(story, check);
            });
        }
    });
    const front = (stage, how) => ({ begin: () => stage.front.set(how), end: () => stage.front.set() });
    const simulator = (stage, ...faults) => ({
        begin: async () => { for (const fault of faults) await stage.stack.fault(fault); },
        end: () => stage.stack.clearFaults(),
    });

    suite('quick ones', {
        '503 storm': (stage) => simulator(stage, { ...EVERYTHING, status: 503 }),
        'gateway without anybody behind it (502, HTML)': (stage) => ({ ...simulator(stage, { ...EVERYTHING, status: 502, kind: 'html' }), answers: [502, 503] }),
        'token endpoint down (503)': (stage) => ({
            begin: async () => {
                await stage.stack.fault({ match: TOKEN, status: 503 });
                await stage.stack.simPost('/sim/expire-tokens');
            },
            end: () => stage.stack.clearFaults(),
        }),
        'token endpoint hangs': (stage) => ({
            begin: async () => {
                await stage.stack.fault({ match: TOKEN, kind: 'hang', latency_ms: 30000 });
                await stage.stack.simPost('/sim/expire-tokens');
            },
            end: () => stage.stack.clearFaults(),
        }),
        'connection refused': (stage) => front(stage, { mode: 'refuse' }),
        'connections torn down': (stage) => front(stage, { mode: 'reset' }),
        'certificate of a stranger': (stage) => front(stage, { certificate: 'stranger' }),
        'certificate for another host': (stage) => front(stage, { certificate: 'misnamed' }),
        'DNS gone (since the start)': (stage) => ({
            begin: async () => {
                stage.names.forget();
                await stage.stack.programs.gatehouse.stop();
                await stage.stack.startGatehouse();
            },
            end: () => stage.names.remember(),
        }),
    });

    suite('half-open sockets: accepted, never answered', {
        'accepted, never answered': (stage) => ({ ...front(stage, { mode: 'mute' }), clicks: 3 }),
    });

    suite('stalls of 30 s', {
        'stalls of 30 s': (stage) => ({
            ...simulator(stage, { ...EVERYTHING, latency_ms: 30000 }),
            answers: [200], // slow, but within a tool call's time
            clicks: 3,
            check: { pausesTools: false },
        }),
    });

    suite('half-open sockets: established, then silent', {
        'established, then silent': (stage) => ({ ...front(stage, { mode: 'silent' }), answers: [502], clicks: 3 }),
    });
});
