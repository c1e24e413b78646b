// What the operator's monitoring sees: /metrics in a strict reader's eyes, and why the portal is (not) ready.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseExposition, valueOf } from './exposition.mjs';
import { Browser, source, startStack, until } from './harness.mjs';
import { ADA, callApi, executeTool, fetchMails } from './steps.mjs';

const EXECUTE = '/api/v1/execute_tool';

describe('the strict reader itself', () => {
    const fine = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="1"} 2\n';
    it('takes what is right', () => {
        assert.equal(valueOf(parseExposition(fine), 'a_total', { x: '1' }), 2);
        assert.equal(valueOf(parseExposition(fine.replace('"1"', '"a\\\\b\\"c\\nd"')), 'a_total', { x: 'a\\b"c\nd' }), 2);
    });
    for (const [what, wrong] of Object.entries({
        'no end of line': fine.slice(0, -1),
        'an empty line': `${fine}\n`,
        'a sample without its family': 'b 1\n',
        'another family\'s sample': `${fine}b 1\n`,
        'the same sample twice': `${fine}a_total{x="1"} 3\n`,
        'a family twice': fine + fine,
        'a counter without _total': fine.replaceAll('a_total', 'a'),
        'a negative counter': fine.replace(' 2', ' -2'),
        'a broken label': fine.replace('"1"', '1'),
        'a label with a raw quote': fine.replace('"1"', '"1"2"'),
        'TYPE before HELP': '# TYPE a_total counter\n# HELP a_total A.\na_total 1\n',
        'buckets that fall': '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
        'no last bucket': '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 1\nh_count 2\n',
        'another count': '# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n',
    })) {
        it(`refuses ${what}`, () => assert.throws(() => parseExposition(wrong)));
    }
});

describe('the operator\'s door', () => {
    let stack;
    let token;
    before(async () => {
        stack = await startStack();
        await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'ACTIVE' });
        token = stack.token();
        assert.equal((await executeTool(stack, token)).status, 200);
    });
    after(() => stack?.stop());

    const scrape = async () => {
        const answer = await stack.operator('/metrics');
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
        return parseExposition(answer.text);
    };

    it('is the only one for /metrics; a parameter of nginx\'s opens it, no header of a client\'s', async () => {
        for (const headers of [{}, { 'gatehouse-door': 'operator' }, { gatehouse_door: 'operator' }]) {
            assert.equal((await callApi(stack, '/metrics', { token, user: ADA, headers })).status, 404);
        }
        assert.equal((await stack.operator('/')).status, 404);
        assert.equal((await stack.operator(`${EXECUTE}`)).status, 404);
        assert.equal((await stack.operator('/healthz')).status, 200);
    });

    it('counts what happened, exactly', async () => {
        const ada = new Browser();
        await ada.signIn(stack);
        const ask = { method: 'POST', route: EXECUTE };
        const before = await scrape();
        for (let i = 0; i < 3; i++) assert.equal((await executeTool(stack, token)).status, 200);
        assert.equal((await executeTool(stack, token, { ...fetchMails, params: { sim_error: 500 } })).status, 422);
        assert.equal((await executeTool(stack, 'ghs_wrong')).status, 401);
        assert.equal((await callApi(stack, '/api/v1/nothing', { token })).status, 404);
        assert.equal((await ada.request(`${stack.url}/connectors/gmail`)).status, 200);
        let now;
        const grown = (full, labels) => valueOf(now, full, labels) - (valueOf(before, full, labels) ?? 0);
        const requests = (labels) => grown('gatehouse_http_requests_total', labels);
        // A request is counted when its answer has left.
        await until('the last request counted', async () => {
            now = await scrape();
            return requests({ method: 'GET', route: '/connectors/{connection}', status: '200' }) === 1;
        });
        assert.equal(requests({ ...ask, status: '200' }), 3);
        assert.equal(requests({ ...ask, status: '422' }), 1);
        assert.equal(requests({ ...ask, status: '401' }), 1);
        assert.equal(requests({ method: '-', route: '-', status: '404' }), 1);
        assert.equal(grown('gatehouse_http_request_duration_seconds_count', ask), 5);
        assert.equal(grown('gatehouse_upstream_requests_total', { kind: 'tool', outcome: 'ok' }), 3);
        assert.equal(grown('gatehouse_upstream_requests_total', { kind: 'tool', outcome: 'provider' }), 1);
        assert.equal(grown('gatehouse_token_refreshes_total', { outcome: 'ok' }), 0);
        assert.ok(grown('gatehouse_store_writes_total', { outcome: 'done' }) >= 4);
        assert.ok(grown('gatehouse_store_read_duration_seconds_count') >= 5);
        assert.equal(valueOf(now, 'gatehouse_store_writable'), 1);
        assert.equal(valueOf(now, 'gatehouse_http_requests_in_flight'), 1);
    });

    it('shows what is in flight, and a breaker that opens, half-opens and closes', async () => {
        const state = async () => valueOf(await scrape(), 'gatehouse_upstream_breaker_state', { kind: 'tool' });
        assert.equal(await state(), 0);
        await stack.fault({ match: EXECUTE, kind: 'hang', latency_ms: 20000 });
        const calls = Array.from({ length: 6 }, () => executeTool(stack, token));
        await until('six calls in flight', async () => valueOf(await scrape(), 'gatehouse_queue_length', { queue: 'upstream' }) === 6);
        assert.equal(valueOf(await scrape(), 'gatehouse_http_requests_in_flight'), 7);
        await stack.clearFaults(); // the simulator hangs up on all six
        for (const answer of await Promise.all(calls)) assert.equal(answer.status, 502);
        assert.equal(await state(), 2);
        const answer = await stack.operator('/readyz');
        assert.deepEqual(JSON.parse(answer.text), { status: 'ok', paused: ['tool'] });
        const refused = await executeTool(stack, token);
        assert.equal(refused.status, 503);
        assert.equal(refused.json.source, 'scalekit');
        assert.ok(Number(refused.headers.get('retry-after')) >= 1);
        await until('tools running again', async () => (await executeTool(stack, token)).status === 200);
        assert.equal(await state(), 0);
        const families = await scrape();
        assert.equal(valueOf(families, 'gatehouse_upstream_pauses_total', { kind: 'tool' }), 1);
        assert.ok(valueOf(families, 'gatehouse_upstream_refused_total', { kind: 'tool' }) >= 1);
        assert.deepEqual(JSON.parse((await stack.operator('/readyz')).text), { status: 'ok' });
    });

    it('has labels from fixed sets only, and so a bounded size', async () => {
        const routes = new Set([...readFileSync(path.join(source, 'src/web/routes.c'), 'utf8').matchAll(/^\s*\{(?:"[A-Z]+"|GATE_METHOD_ANY),\s+"([^"]+)",\s+gate_/gm)]
            .map(([, pattern]) => pattern).concat('-'));
        const allowed = {
            route: (value) => routes.has(value),
            method: (value) => /^([A-Z]+|-|\*)$/.test(value),
            status: (value) => /^(\d{3}|\dxx|other)$/.test(value),
            kind: (value) => ['read', 'connect', 'tool', 'token'].includes(value),
            outcome: (value) => /^[a-z_]+$/.test(value),
            queue: (value) => /^[a-z_]+$/.test(value),
            result: (value) => /^[a-z_]+$/.test(value),
            state: (value) => ['well', 'failing', 'disabled'].includes(value),
            le: () => true,
            version: (value) => /^\d+\.\d+\.\d+$/.test(value),
        };
        for (const { samples } of (await scrape()).values()) {
            for (const { name, labels } of samples) {
                for (const [key, value] of Object.entries(labels)) {
                    assert.ok(allowed[key]?.(value), `${name}: ${key}="${value}"`);
                }
            }
        }
        const { text } = await stack.operator('/metrics');
        assert.ok(text.length < 200000, `${text.length} bytes`);
        assert.doesNotMatch(text, /ada|example\.com|gmail|ghs_|tok_/);
    });
});
