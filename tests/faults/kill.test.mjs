// kill -9 under load, again and again: what was answered is on record, and the record comes to be what Scalekit knows.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, startStack, until } from '../e2e/harness.mjs';
import { ADA, GRACE, connect, disconnect, executeTool, fetchMails } from '../e2e/steps.mjs';

const ROUNDS = 6;
const PEOPLE = { ada: ADA, grace: GRACE };
const CHANGING = ['slack', 'notion'];

describe('kill -9 under load', () => {
    let stack;
    let token;
    const browsers = {};
    const calls = []; // { marker, status, id }
    before(async () => {
        stack = await startStack({ env: { GATEHOUSE_ACCOUNT_MAX_AGE: '0' } });
        stack.mayCrash = true;
        token = stack.token();
        for (const [person, identifier] of Object.entries(PEOPLE)) {
            await stack.simPost('/sim/accounts', { connector: 'gmail', identifier, status: 'ACTIVE' });
            browsers[person] = new Browser();
            await browsers[person].signIn(stack, person);
        }
    });
    after(() => stack?.stop());

    // Scalekit's own word, asked without the portal.
    async function truthOf(identifier) {
        const secret = readFileSync(path.join(stack.run, 'scalekit-secret'), 'utf8');
        const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'skc_test', client_secret: secret });
        const { access_token: bearer } = await (await fetch(`${stack.sim}/oauth/token`, { method: 'POST', body: form })).json();
        const answer = await fetch(`${stack.sim}/api/v1/connected_accounts?page_size=99&identifier=${encodeURIComponent(identifier)}`,
            { headers: { authorization: `Bearer ${bearer}` } });
        const { connected_accounts: accounts } = await answer.json();
        return Object.fromEntries(accounts.map(({ connector, status }) => [connector, status]).sort());
    }
    const recordOf = (identifier) => Object.fromEntries(stack.sql(`SELECT connection_name, status FROM connected_account
        JOIN user ON user.id = user_id WHERE identifier = '${identifier}' ORDER BY connection_name`)
        .map((row) => [row.connection_name, row.status]));

    async function callTool() {
        const call = { marker: randomUUID(), status: 0 };
        calls.push(call);
        const answer = await executeTool(stack, token, { ...fetchMails, params: { marker: call.marker } });
        Object.assign(call, { status: answer.status, id: answer.headers.get('x-request-id') });
    }

    // One person connects and disconnects, and remembers what the portal last said; "undefined" while it has said nothing.
    async function change(person, known) {
        for (const connection of CHANGING) {
            const wasConnected = known[connection] === 'ACTIVE';
            known[connection] = undefined;
            const answer = wasConnected
                ? await disconnect(browsers[person], stack, connection)
                : await connect(browsers[person], stack, connection, { account: PEOPLE[person] });
            if (answer.status === 303) known[connection] = wasConnected ? 'DISCONNECTED' : 'ACTIVE';
        }
    }

    it(`${ROUNDS} times`, async () => {
        const known = { ada: {}, grace: {} };
        let answeredChanges = 0;
        for (let round = 0; round < ROUNDS; round++) {
            let isRunning = true;
            const begun = calls.length;
            const loop = async (work) => {
                while (isRunning) {
                    await work().catch(() => {}); // the kill; what was not answered is not claimed
                    if (stack.programs.gatehouse.exit) return;
                }
            };
            const load = [
                ...Array.from({ length: 8 }, () => loop(callTool)),
                ...Object.keys(PEOPLE).map((person) => loop(() => change(person, known[person]))),
            ];
            await until('the load', () => calls.filter(({ status }) => status === 200).length >= begun + 60);
            await new Promise((resolve) => setTimeout(resolve, 11 * round));
            await stack.programs.gatehouse.kill('SIGKILL');
            isRunning = false;
            await Promise.all(load);
            await stack.startGatehouse();
            assert.equal(stack.sql('PRAGMA integrity_check')[0].integrity_check, 'ok');
            for (const [person, identifier] of Object.entries(PEOPLE)) {
                // Before anybody looks again: what was said to be done is on record.
                const record = recordOf(identifier);
                for (const [connection, status] of Object.entries(known[person])) {
                    if (status === undefined) continue;
                    answeredChanges++;
                    assert.equal(record[connection], status, `${person}'s ${connection}, said to be ${status}`);
                }
                // Still signed in; and after a look the record is what Scalekit knows, also where an answer was lost.
                assert.equal((await browsers[person].request(`${stack.url}/`)).status, 200);
                const truth = await truthOf(identifier);
                await until(`${person}'s record being what Scalekit knows`, async () => {
                    await browsers[person].request(`${stack.url}/`);
                    assert.deepEqual(recordOf(identifier), truth);
                    return true;
                });
                for (const connection of CHANGING) known[person][connection] = truth[connection];
            }
        }
        const outcomes = new Map(stack.sql('SELECT request_id, outcome FROM tool_call').map((row) => [row.request_id, row.outcome]));
        const seen = new Map();
        for (const { path: where, method, body } of await stack.simLog()) {
            if (where !== '/api/v1/execute_tool' || method !== 'POST') continue;
            const { marker } = JSON.parse(body).params;
            seen.set(marker, (seen.get(marker) ?? 0) + 1);
        }
        const answered = calls.filter(({ status }) => status === 200);
        for (const { marker, id } of answered) {
            assert.equal(outcomes.get(id), 'ok', 'an answered call is on the trail');
            assert.equal(seen.get(marker), 1, 'and ran once');
        }
        for (const [marker, times] of seen) assert.equal(times, 1, `${marker} ran ${times} times`);
        const unanswered = calls.length - answered.length;
        assert.ok(answered.length >= 60 * ROUNDS && answeredChanges > 0);
        console.log(`| kill -9, ${ROUNDS} times | ${answered.length} calls and ${answeredChanges} changes answered, ${unanswered} calls cut off | lost: nothing |`);
    });
});
