// Idempotency-Key: whatever happens to the caller, the answer or the process, a call is carried out at most once per key.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, sendRaw, startStack, until } from './harness.mjs';
import { ADA, GRACE, assertProblem, callApi, connect, executeTool } from './steps.mjs';

const EXECUTE = '/api/v1/execute_tool';
// As in src/core/limits.h.
const LIMITS = { keysPerCaller: 100000, answerBytes: 1024 * 1024, bytesPerCaller: 32 * 1024 * 1024 };

describe('idempotency keys', () => {
    let stack;
    let token;
    let ada;
    before(async () => {
        stack = await startStack();
        token = stack.token({ label: 'Agent' });
        ada = new Browser();
        await ada.signIn(stack, 'ada');
        await connect(ada, stack, 'gmail');
        const grace = new Browser();
        await grace.signIn(stack, 'grace');
        await connect(grace, stack, 'gmail', { account: GRACE });
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    // A call that can be told from all others in the simulator's log.
    const makeCall = (params = {}) => ({ key: randomUUID(), body: { tool_name: 'gmail_fetch_mails', connector: 'gmail', params: { marker: randomUUID(), ...params } } });
    const run = (call, options = {}) => executeTool(stack, options.token ?? token, call.body, { ...options, headers: { 'idempotency-key': call.key } });
    // How often the simulator has seen each call, by its marker.
    const countSeen = async () => {
        const counts = new Map();
        for (const entry of await stack.simLog()) {
            if (entry.path !== EXECUTE || entry.method !== 'POST') continue;
            const { marker } = JSON.parse(entry.body).params;
            counts.set(marker, (counts.get(marker) ?? 0) + 1);
        }
        return counts;
    };
    const timesRun = async (call) => (await countSeen()).get(call.body.params.marker) ?? 0;
    const assertReplay = (again, first) => {
        assert.equal(again.headers.get('idempotent-replayed'), 'true', again.text);
        assert.equal(again.status, first.status);
        assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
        assert.equal(again.text, first.text);
        assert.notEqual(again.headers.get('x-request-id'), first.headers.get('x-request-id'));
    };
    const fault = (fields) => stack.fault({ match: EXECUTE, times: 1, ...fields });
    const rowsOf = (answer) => stack.sql(`SELECT * FROM tool_call WHERE request_id = '${answer.headers.get('x-request-id')}'`);

    it('the stored answer, byte for byte, also after a restart', async () => {
        const call = makeCall({ max_results: 2 });
        const first = await run(call);
        assert.equal(first.status, 200, first.text);
        assert.equal(first.headers.get('idempotent-replayed'), null);
        assertReplay(await run(call), first);
        assert.equal((await stack.programs.gatehouse.kill('SIGTERM')).code, 0);
        await stack.startGatehouse();
        assertReplay(await run(call), first);
        assert.equal(await timesRun(call), 1);
        assert.equal(rowsOf(first).length, 1);
    });

    it('without a key every call runs', async () => {
        const { body } = makeCall();
        for (const _ of [1, 2]) assert.equal((await executeTool(stack, token, body)).headers.get('idempotent-replayed'), null);
        assert.equal(await timesRun({ body }), 2);
    });

    it('problems that are final are repeated, too', async () => {
        const call = makeCall();
        await fault({ status: 403, error_code: 'TOOL_ERROR', message: 'Quota is used up' });
        const first = await run(call);
        assertProblem(first, 422, 'provider-error');
        assertReplay(await run(call), first);
        assert.equal(await timesRun(call), 1);
        const nowhere = { key: randomUUID(), body: { ...call.body, connector: 'nothing' } };
        const missing = await run(nowhere);
        assertProblem(missing, 404, 'not-found');
        assertReplay(await run(nowhere), missing);
    });

    it('many at once: one runs, the others are told to wait, and then all have the same answer', async () => {
        const call = makeCall({ sim_latency_ms: 400 });
        const answers = await Promise.all(Array.from({ length: 24 }, () => run(call)));
        const ran = answers.filter(({ status }) => status === 200);
        assert.equal(ran.length, 1);
        for (const answer of answers.filter((other) => other !== ran[0])) {
            assertProblem(answer, 409, 'idempotency-key-running');
            assert.ok(Number(answer.headers.get('retry-after')) >= 1);
        }
        for (const answer of await Promise.all(Array.from({ length: 24 }, () => run(call)))) assertReplay(answer, ran[0]);
        assert.equal(await timesRun(call), 1);
    });

    it('a caller that hangs up gets the answer when it comes back', async () => {
        const call = makeCall({ sim_latency_ms: 500 });
        const impatient = AbortSignal.timeout(150);
        await assert.rejects(fetch(`${stack.url}${EXECUTE}`, {
            method: 'POST', signal: impatient, body: JSON.stringify(call.body),
            headers: { authorization: `Bearer ${token}`, 'gatehouse-user': ADA, 'content-type': 'application/json', 'idempotency-key': call.key },
        }));
        let answer;
        await until('the answer being there', async () => (answer = await run(call)).status === 200);
        assert.equal(answer.headers.get('idempotent-replayed'), 'true');
        assert.equal(answer.json.data.messages.length > 0, true);
        assert.equal(await timesRun(call), 1);
    });

    it('another body: 422, and nothing runs', async () => {
        const call = makeCall();
        const first = await run(call);
        const other = { key: call.key, body: makeCall().body };
        assertProblem(await run(other), 422, 'idempotency-key-reused');
        assert.equal(await timesRun(other), 0);
        assertReplay(await run(call), first);
    });

    it('the same key of another token, user or browser is another key', async () => {
        const call = makeCall();
        const csrf = (await ada.request(`${stack.url}/api/v1/me`)).text;
        const answers = [
            await run(call),
            await run(call, { token: stack.token({ label: 'Other' }) }),
            await run(call, { user: GRACE }),
            await run(call, { token: stack.token({ personal: ADA }), user: undefined }),
            await ada.request(`${stack.url}${EXECUTE}`, {
                method: 'POST', body: JSON.stringify(call.body),
                headers: { 'gatehouse-csrf': JSON.parse(csrf).csrf_token, 'content-type': 'application/json', 'idempotency-key': call.key },
            }),
        ];
        for (const answer of answers) {
            assert.equal(answer.status, 200, answer.text);
            assert.equal(answer.headers.get('idempotent-replayed'), null);
        }
        assert.equal(await timesRun(call), answers.length);
    });

    it('nothing was done: the same key may try again', async () => {
        for (const [fields, status, slug] of [
            [{ status: 503 }, 503, 'upstream-unavailable'],
            [{ status: 429, retry_after: 7 }, 429, 'rate-limited'],
        ]) {
            const call = makeCall();
            await fault(fields);
            assertProblem(await run(call), status, slug);
            const again = await run(call);
            assert.equal(again.status, 200, again.text);
            assert.equal(again.headers.get('idempotent-replayed'), null);
        }
        const call = makeCall();
        await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'EXPIRED' });
        assertProblem(await run(call), 409, 'authorization-required');
        await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'ACTIVE' });
        assert.equal((await run(call)).status, 200);
    });

    it('the answer was lost: never again under this key', async () => {
        for (const fields of [{ kind: 'reset', after: true }, { kind: 'cut', after: true }, { kind: 'rubbish', after: true }, { status: 500, after: true }]) {
            const call = makeCall();
            await fault(fields);
            assertProblem(await run(call), 502, 'outcome-unknown');
            for (const _ of [1, 2]) {
                const again = await run(call);
                assert.match(assertProblem(again, 409, 'outcome-unknown').detail, /another key/);
            }
            assert.equal(await timesRun(call), 1, JSON.stringify(fields));
        }
    });

    it('kill -9 in the middle of calls: nothing runs twice, what was answered is answered again', async () => {
        await stack.fault({ match: EXECUTE, latency_ms: 60 });
        await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
        const calls = [];
        const outcomes = new Map(); // of each call: the first answer that was not an accident of the restart
        for (let round = 0; round < 4; round++) {
            let running = true;
            const begun = calls.length;
            const load = Array.from({ length: 16 }, async () => {
                while (running) {
                    const call = makeCall();
                    calls.push(call);
                    const answer = await run(call).catch(() => ({ status: 0 }));
                    if (answer.status === 200) outcomes.set(call, answer);
                }
            });
            await until('calls under way', () => outcomes.size > begun && calls.length >= begun + 60);
            await new Promise((resolve) => setTimeout(resolve, 7 * round));
            await stack.programs.gatehouse.kill('SIGKILL');
            running = false;
            await Promise.all(load);
            await stack.startGatehouse();
            // Everything that was not answered is tried again, as any client would, with and without a crowd.
            await Promise.all(calls.slice(begun).map(async (call) => {
                const first = outcomes.get(call);
                const again = await run(call);
                if (first) return assertReplay(again, first);
                if (again.status === 409) assertProblem(again, 409, 'outcome-unknown');
                else assert.equal(again.status, 200, again.text);
                outcomes.set(call, again);
            }));
        }
        const unknown = [...outcomes.values()].filter(({ status }) => status === 409).length;
        assert.ok(unknown > 0, 'the process was killed during calls');
        const counts = await countSeen();
        for (const call of calls) {
            const times = counts.get(call.body.params.marker) ?? 0;
            assert.ok(outcomes.get(call).status === 200 ? times === 1 : times <= 1, `${times} times: ${outcomes.get(call).text}`);
        }
        assert.equal(stack.sql('PRAGMA integrity_check')[0].integrity_check, 'ok');
    });

    it('a key holds for a day', async () => {
        const call = makeCall();
        await run(call);
        const [{ life }] = stack.sql('SELECT expires_at - started_at AS life FROM idempotency ORDER BY id DESC LIMIT 1');
        assert.equal(life, 24 * 3600 * 1000);
        stack.sql(`UPDATE idempotency SET expires_at = expires_at - ${life}`, { write: true });
        assert.equal((await run(call)).headers.get('idempotent-replayed'), null);
        assert.equal(await timesRun(call), 2);
        // What has expired goes with the next new keys.
        for (let i = 0; i < 10; i++) await run(makeCall());
        await until('old rows to be gone', async () => {
            await run(makeCall());
            return stack.sql(`SELECT count(*) AS n FROM idempotency WHERE expires_at < ${Date.now()}`)[0].n === 0;
        });
    });

    it('an answer beyond the limit is given once and never run again', async () => {
        const call = makeCall({ sim_bytes: LIMITS.answerBytes });
        const first = await run(call);
        assert.equal(first.status, 200);
        assert.ok(first.text.length > LIMITS.answerBytes);
        assertProblem(await run(call), 409, 'answer-not-kept');
        assert.equal(await timesRun(call), 1);
    });

    it('stored answers are bounded per token: the oldest make room, and still do not run again', async () => {
        const hungry = stack.token({ label: 'Hungry' });
        const calls = Array.from({ length: 32 }, () => makeCall({ sim_bytes: LIMITS.answerBytes - 4096 }));
        const answers = [];
        for (const call of calls) answers.push(await run(call, { token: hungry }));
        assert.ok(answers.every(({ status }) => status === 200));
        const [{ bytes, real }] = stack.sql(`SELECT bytes, (SELECT sum(length(sealed_answer)) FROM idempotency AS i WHERE i.owner = u.owner) AS real
                                             FROM idempotency_usage AS u WHERE owner <> 0 ORDER BY bytes DESC LIMIT 1`);
        assert.equal(bytes, real);
        assert.ok(bytes <= LIMITS.bytesPerCaller, `${bytes}`);
        assertReplay(await run(calls.at(-1), { token: hungry }), answers.at(-1));
        assertProblem(await run(calls[0], { token: hungry }), 409, 'answer-not-kept');
        assert.equal(await timesRun(calls[0]), 1);
    });

    it('too many keys of one token: refused, others are not', async () => {
        const busy = stack.token({ label: 'Busy' });
        const first = makeCall();
        await run(first, { token: busy });
        const [{ owner }] = stack.sql('SELECT owner FROM idempotency ORDER BY id DESC LIMIT 1');
        stack.sql(`UPDATE idempotency_usage SET keys = ${LIMITS.keysPerCaller} WHERE owner = ${owner}`, { write: true });
        const call = makeCall();
        const refused = await run(call, { token: busy });
        assert.match(assertProblem(refused, 503, 'busy').detail, /Idempotency-Key/);
        assert.ok(refused.headers.get('retry-after'));
        assert.equal(await timesRun(call), 0);
        assert.equal((await run(first, { token: busy })).headers.get('idempotent-replayed'), 'true');
        assert.equal((await run(call)).status, 200);
    });

    it('keys that are none: 400', async () => {
        const { body } = makeCall();
        for (const key of ['x'.repeat(256), 'a\tb', 'caf\u00e9', '']) {
            assertProblem(await run({ key, body }), 400, 'invalid-request');
        }
        const text = JSON.stringify(body);
        const twice = await sendRaw(stack.url, `POST ${EXECUTE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nGatehouse-User: ${ADA}\r\n`
            + `Content-Type: application/json\r\nIdempotency-Key: one\r\nIdempotency-Key: two\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`);
        assert.equal(twice.status, 400, twice.text);
        assert.equal(await timesRun({ body }), 0);
        assert.equal((await run({ key: 'x'.repeat(255), body })).status, 200);
    });

    it('neither keys, nor requests, nor answers are in the file', async () => {
        const call = makeCall();
        call.key = `order-${randomUUID()}`;
        const first = await run(call);
        assert.equal(first.status, 200);
        const piece = first.json.execution_id;
        const [row] = stack.sql("SELECT *, hex(key_hash) AS key_hash, hex(request_hash) AS request_hash FROM idempotency ORDER BY id DESC LIMIT 1");
        assert.ok(row.sealed_answer.length > 100);
        const file = Buffer.concat(['', '-wal'].map((end) => readFileSync(`${stack.settings.GATEHOUSE_DATABASE}${end}`)));
        assert.ok(!file.includes(call.key));
        assert.ok(!file.includes(call.body.params.marker));
        assert.ok(!file.includes(first.json.data.messages[0].id ?? 'no id'), 'the result');
        assert.ok(file.includes(piece), 'the trail has the execution id, so the search works');
    });

    it('a user outside a token\'s rules: refused, and on record', async () => {
        const narrow = stack.token({ users: '*@example.com', label: 'Narrow' });
        const call = makeCall();
        const answer = await run(call, { token: narrow, user: 'eve@evil.example' });
        assert.match(assertProblem(answer, 403, 'forbidden').detail, /rule: users/);
        const [row] = rowsOf(answer);
        assert.equal(row.outcome, 'denied');
        assert.equal(row.tool_name, 'gmail_fetch_mails');
        assert.equal(row.connection_name, 'gmail');
        assert.equal(row.user_id, null);
        assert.ok(row.token_id > 0);
        assert.deepEqual(stack.sql("SELECT 1 FROM user WHERE identifier = 'eve@evil.example'"), []);
        assert.equal(await timesRun(call), 0);
        assertProblem(await callApi(stack, '/api/v1/connections', { token: narrow, user: 'eve@evil.example' }), 403, 'forbidden');
    });
});
