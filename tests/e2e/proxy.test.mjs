// REST calls to connected apps through /proxy: what passes, what never does, and in how much memory.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { Browser, sendRaw, startStack, until } from './harness.mjs';
import { ADA, GRACE, assertGuarded, assertProblem, callApi, connect } from './steps.mjs';

const SCOPES = 'proxy:read proxy:write tools:read';
const MEBI = 1024 * 1024;
let stack;
let token;

before(async () => {
    stack = await startStack({ env: { GATEHOUSE_PROXY_IN_FLIGHT_MAX: '32' } });
    token = stack.token({ scopes: SCOPES });
    const browser = new Browser();
    await browser.signIn(stack);
    await connect(browser, stack, 'gmail');
});
after(() => stack?.stop());

const proxy = (path, options = {}) =>
    callApi(stack, `/proxy${path}`, {
        token, user: ADA, ...options, headers: { connection_name: 'gmail', ...options.headers },
    });

// One request with node's own client, which takes any header and any method: { status, headers, body }.
function send(path, { method = 'GET', headers = {}, body, onData, bearer = token } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request(`${stack.url}/proxy${path}`, {
            method, headers: { authorization: `Bearer ${bearer}`, connection_name: 'gmail', identifier: ADA, ...headers },
        }, (answer) => {
            const hash = createHash('sha256');
            let length = 0;
            let text = '';
            answer.on('data', (chunk) => {
                hash.update(chunk);
                length += chunk.length;
                if (length < MEBI) text += chunk;
                onData?.(chunk, request);
            });
            answer.on('end', () => resolve({
                status: answer.statusCode, headers: new Headers(Object.entries(answer.headers).flatMap(([name, value]) =>
                    [value].flat().map((one) => [name, one]))), length, text, sha256: hash.digest('hex'), whole: answer.complete,
            }));
            answer.on('error', (error) => resolve({ status: answer.statusCode, length, text, whole: false, error }));
        });
        request.on('error', reject);
        if (body?.pipe) body.pipe(request);
        else request.end(body);
    });
}

const trail = (where = '1') => stack.sql(`SELECT * FROM tool_call WHERE ${where} ORDER BY id DESC LIMIT 1`)[0];

test('a call reaches the app as it was made, and the answer comes back as it is', async () => {
    const answer = await send('/v1/customers?limit=2&a=%2Fb&a=c+d', {
        method: 'POST', body: '{"name": "Zoë", "n": 1.0}',
        headers: { 'content-type': 'application/vnd.api+json; v=1', 'x-thing': 'one', 'notion-version': '2022-06-28' },
    });
    assert.equal(answer.status, 200);
    const seen = JSON.parse(answer.text);
    assert.equal(seen.method, 'POST');
    assert.equal(seen.path, '/v1/customers');
    assert.equal(seen.query, 'limit=2&a=%2Fb&a=c+d');
    assert.equal(seen.body, '{"name": "Zoë", "n": 1.0}');
    const headers = Object.fromEntries(Object.entries(seen.headers).map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(headers['content-type'], 'application/vnd.api+json; v=1');
    assert.equal(headers['x-thing'], 'one');
    assert.equal(headers['notion-version'], '2022-06-28');
    assert.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
    assert.equal(answer.headers.get('x-provider'), 'GMAIL');
    assert.equal(answer.headers.get('gatehouse-source'), 'provider');
    assertGuarded(answer);
    assert.match(answer.headers.get('content-security-policy'), /sandbox/);
    assert.match(answer.headers.get('ratelimit-limit'), /^\d+$/);
    const row = trail();
    assert.equal(row.tool_name, 'POST /v1/customers');
    assert.equal(row.outcome, 'ok');
    assert.equal(row.connection_name, 'gmail');
});

test('any method, and every way to name connection and user', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT']) {
        const body = method === 'GET' ? undefined : 'abc';
        const answer = await send('/x', { method, body, headers: body ? { 'content-length': 3 } : {} });
        assert.equal(answer.status, 200, method);
        assert.equal(JSON.parse(answer.text).method, method);
    }
    const head = await send('/bytes?n=1234', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), '1234');
    assert.equal(head.length, 0);
    for (const headers of [{ 'Connection-Name': 'gmail', 'Gatehouse-User': ADA }, { connection_name: 'gmail', 'Gatehouse-User': ADA, identifier: ADA }]) {
        const answer = await fetch(`${stack.url}/proxy/y`, { headers: { ...headers, authorization: `Bearer ${token}` } });
        assert.equal(answer.status, 200);
    }
    assertProblem(await callApi(stack, '/proxy/y', { token, user: ADA }), 400, 'invalid-request');
    assertProblem(await callApi(stack, '/proxy/y', { token, headers: { connection_name: 'gmail' } }), 400, 'invalid-request');
    assertProblem(await proxy('/y', { headers: { identifier: GRACE } }), 400, 'invalid-request');
    assertProblem(await proxy('/y', { headers: { connection_name: 'nothing-such' } }), 404, 'not-found');
    // The query is the app's: its identifier names nobody here.
    assert.equal((await proxy(`/y?identifier=${GRACE}&connection_name=slack`)).status, 200);
    for (const double of ['connection_name: gmail\r\nConnection-Name: slack', 'identifier: a\r\nidentifier: b', 'Gatehouse-User: a\r\nGatehouse_User: b']) {
        const raw = await sendRaw(stack.url, `GET /proxy/y HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${double}\r\nConnection: close\r\n\r\n`);
        assert.equal(raw.status, 400, double);
    }
});

test('cookies, credentials, hop-by-hop headers and our own words never cross', async () => {
    const answer = await send('/set-cookie', {
        headers: {
            cookie: 'gatehouse-session=secret1', 'x-api-key': 'secret2', 'proxy-authorization': 'Basic secret3', te: 'trailers',
            connection: 'keep-alive, x-hop', 'x-hop': 'secret4', 'x-forwarded-for': '10.9.8.7', forwarded: 'for=10.9.8.7',
            'x-http-method-override': 'DELETE', 'gatehouse-thing': 'secret5', 'accept-encoding': 'gzip', 'x-fine': 'yes',
            'private-token': 'secret1', 'x-goog-api-key': 'secret2', 'connected-account-id': 'secret3', 'x-scalekit-user': 'secret4',
            authorization_: 'secret6', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site',
        },
    });
    assert.equal(answer.status, 200);
    const seen = JSON.parse(answer.text).headers;
    const names = Object.keys(seen).map((name) => name.toLowerCase()).sort();
    assert.ok(names.includes('x-fine'));
    assert.doesNotMatch(answer.text, /secret[1-5]|10\.9\.8\.7|DELETE|evil|cross-site|gzip/);
    const [upstream] = (await stack.simLog()).filter((entry) => entry.path === '/proxy/set-cookie').slice(-1);
    assert.ok(!JSON.stringify(upstream ?? {}).includes(token), 'the caller\'s token never leaves');
    for (const name of ['set-cookie', 'clear-site-data']) assert.equal(answer.headers.get(name), null, name);
});

test('paths that could lead elsewhere never reach Scalekit', async () => {
    const before = (await stack.simLog()).length;
    const paths = [
        '/../api/v1/connected_accounts', '/a/../../b', '/a/%2e%2e/b', '/%2E%2e%2f', '/a%2fb', '/a%5Cb', '/a\\b', '//evil.example/x',
        '/https://evil.example/x', '/http:/evil.example', '/@evil.example/', '/a/..;/b', '/..;x=1/b', '/%2e%2e;/b', '/a%252fb', '/%252e%252e/x',
        '/a%00b', '/a%0d%0aX:%20y', '/a//b', `/${'a'.repeat(8100)}`,
    ];
    for (const path of paths) {
        const raw = await sendRaw(stack.url, `GET /proxy${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nconnection_name: gmail\r\nidentifier: ${ADA}\r\nConnection: close\r\n\r\n`);
        assert.ok(raw.status === 400 || raw.status === 414, `${path}: ${raw.status}`);
        assert.match(raw.headers.get('content-type'), /json|html/);
    }
    for (const start of ['/%70roxy/x', '/proxy%2fx', '/PROXY/x', '/proxy']) {
        const raw = await sendRaw(stack.url, `GET ${start} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nconnection_name: gmail\r\nidentifier: ${ADA}\r\nConnection: close\r\n\r\n`);
        assert.ok(raw.status === 400 || raw.status === 404, `${start}: ${raw.status}`);
    }
    const reached = (await stack.simLog()).slice(before).filter((entry) => entry.path.startsWith('/proxy'));
    assert.deepEqual(reached, []);
});

test('it is a right of its own, off by default, and only for tokens', async () => {
    const plain = stack.token();
    const denied = assertProblem(await proxy('/x', { token: plain }), 403, 'forbidden');
    assert.match(denied.detail, /rule: scope proxy:read/);
    assert.equal(trail().outcome, 'denied');
    assert.equal(trail().tool_name, 'GET /x');
    const reader = stack.token({ scopes: 'proxy:read' });
    assert.equal((await proxy('/x', { token: reader })).status, 200);
    assert.match(assertProblem(await proxy('/x', { token: reader, method: 'DELETE' }), 403, 'forbidden').detail, /proxy:write/);
    const elsewhere = stack.token({ scopes: SCOPES, connections: '* !gmail' });
    assert.match(assertProblem(await proxy('/x', { token: elsewhere }), 403, 'forbidden').detail, /connections/);
    const others = stack.token({ scopes: SCOPES, users: GRACE });
    assert.match(assertProblem(await proxy('/x', { token: others }), 403, 'forbidden').detail, /rule: users/);
    assertProblem(await callApi(stack, '/proxy/x', { headers: { connection_name: 'gmail' } }), 401, 'unauthenticated');
    const browser = new Browser();
    await browser.signIn(stack);
    const page = await browser.request(`${stack.url}/proxy/x`, { headers: { connection_name: 'gmail' } });
    assert.equal(page.status, 403);
    assert.match(page.headers.get('content-type'), /problem\+json/);
    for (const method of ['TRACE', 'CONNECT']) {
        const raw = await sendRaw(stack.url, `${method} /proxy/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
        assert.equal(raw.status, 405, method);
    }
});

test('the app\'s own failures are the app\'s; not connected, expired and Scalekit\'s are told apart', async () => {
    for (const status of [201, 204, 302, 400, 401, 403, 404, 409, 418, 429, 500, 503]) {
        const answer = await send(`/status/${status}`, { method: 'POST', body: 'x' });
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get('gatehouse-source'), 'provider');
        assert.equal(trail().outcome, status < 400 ? 'ok' : 'provider_error');
    }
    const link = assertProblem(await proxy('/x', { headers: { connection_name: 'slack' } }), 409, 'authorization-required');
    assert.equal(link.authorization_url, `${stack.url}/connect/slack`);
    assert.equal(trail().outcome, 'needs_authorization');

    await stack.fault({ match: '/proxy/', status: 401, times: 1 });
    assert.equal((await proxy('/x')).status, 200, 'a refused token is renewed once');
    await stack.fault({ match: '/proxy/', status: 401 });
    assert.equal((await proxy('/x')).status, 502);
    await stack.clearFaults();
    await stack.fault({ match: '/proxy/', status: 429, error_code: 'RATE_LIMITED' });
    const limited = await proxy('/x');
    assertProblem(limited, 429, 'rate-limited');
    await stack.clearFaults();
});

test('a long body is not taken from anybody whose token is not known', async () => {
    // Announced, but never sent: nginx would wait for it, and keep on disk what came.
    const announce = (headers) => new Promise((resolve, reject) => {
        const request = http.request(`${stack.url}/proxy/x`, { method: 'PUT', headers: { connection_name: 'gmail', identifier: ADA, ...headers } }, (answer) => {
            const chunks = [];
            answer.on('data', (chunk) => chunks.push(chunk));
            answer.on('end', () => {
                const text = Buffer.concat(chunks).toString();
                resolve({ status: answer.statusCode, headers: new Headers(Object.entries(answer.headers)), text, json: JSON.parse(text) });
                request.destroy();
            });
        });
        request.setTimeout(20000, () => request.destroy(new Error('no answer before the body')));
        request.on('error', reject);
        request.flushHeaders();
    });
    const length = { 'content-length': 100 * MEBI };
    const revoked = stack.token({ scopes: SCOPES, label: 'revoked-uploader' });
    stack.ctl('token', 'revoke', /^(tok_\S+)\t.*\trevoked-uploader$/m.exec(stack.ctl('token', 'list'))[1]);
    for (const headers of [length, { ...length, authorization: 'Bearer ghs_made-up' }, { ...length, authorization: `Bearer ${revoked}` },
        { ...length, cookie: 'gatehouse-session=x' }, { 'transfer-encoding': 'chunked' }]) {
        const answer = await announce(headers);
        assertProblem(answer, 401, 'unauthenticated');
        assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
    }
    const body = Buffer.alloc(2 * MEBI, 'x');
    const counted = async () => Number((await proxy('/x')).headers.get('ratelimit-remaining'));
    const before = await counted();
    const taken = await send('/upload', { method: 'PUT', body, headers: { 'transfer-encoding': 'chunked' } });
    assert.equal(JSON.parse(taken.text).body_bytes, body.length);
    assert.ok(await counted() >= before - 2, 'nginx\'s question counts for nothing');
    assert.equal((await fetch(`${stack.url}/known-token`, { headers: { authorization: `Bearer ${token}` } })).status, 404);
});

test('200 MB down and 100 MB up in bounded memory, also for a reader that is slow', { timeout: 240000 }, async () => {
    const grown = process.env.GATE_SANITIZED ? 400 : 32;
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${stack.programs.gatehouse.pid}/status`, 'utf8'))[1]) / 1024;
    const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${stack.programs.gatehouse.pid}/status`, 'utf8'))[1]) / 1024;
    const start = Math.max(memory(), 0);
    const total = process.env.GATE_SANITIZED ? 40 * MEBI : 200 * MEBI;
    const down = await send(`/bytes?n=${total}`);
    assert.equal(down.length, total);
    assert.ok(down.whole);
    const chunked = await send(`/bytes?n=${20 * MEBI}&chunked=1`);
    assert.equal(chunked.length, 20 * MEBI);
    assert.equal(chunked.headers.get('content-length'), null);

    const upSize = process.env.GATE_SANITIZED ? 20 * MEBI : 100 * MEBI;
    const block = Buffer.alloc(MEBI, 'gatehouse ');
    const hash = createHash('sha256');
    const { Readable } = await import('node:stream');
    const body = Readable.from((function* () {
        for (let i = 0; i < upSize / MEBI; i++) {
            hash.update(block);
            yield block;
        }
    })());
    const up = await send('/upload', { method: 'PUT', body, headers: { 'content-length': upSize, 'content-type': 'application/octet-stream' } });
    assert.equal(up.status, 200, up.text);
    const seen = JSON.parse(up.text);
    assert.equal(seen.body_bytes, upSize);
    assert.equal(seen.body_sha256, hash.digest('hex'));

    // A reader that stands still holds no thread: others are answered beside more of them than there are workers.
    const slow = [];
    for (let i = 0; i < 8; i++) {
        slow.push(new Promise((resolve) => {
            http.get(`${stack.url}/proxy/bytes?n=${64 * MEBI}`, {
                headers: { authorization: `Bearer ${token}`, connection_name: 'gmail', identifier: ADA },
            }, (answer) => {
                answer.once('data', () => answer.pause());
                resolve(answer);
            });
        }));
    }
    const answers = await Promise.all(slow);
    for (let i = 0; i < 5; i++) assert.equal((await callApi(stack, '/api/v1/me', { token, user: ADA })).status, 200);
    for (const answer of answers) answer.destroy();
    assert.ok(peak() - start < grown, `grew by ${peak() - start} MB`);
});

test('server-sent events come as they are sent', async () => {
    const times = [];
    const events = await send('/sse?n=4&interval_ms=300', { onData: () => times.push(Date.now()) });
    assert.equal(events.headers.get('content-type'), 'text/event-stream');
    assert.equal(events.text.match(/^data:/gm).length, 4);
    assert.ok(times.length >= 4, `came in ${times.length} parts`);
    assert.ok(times.at(-1) - times[0] > 600, 'one after the other');
});

test('an answer ends with the right to it: a revoked token, a suspended user', async () => {
    const idOf = (label) => new RegExp(`^(tok_\\S+)\\t.*\\t${label}$`, 'm').exec(stack.ctl('token', 'list'))[1];
    const listen = (bearer) => {
        let began;
        const first = new Promise((resolve) => { began = resolve; });
        return { first, over: send('/sse?n=500&interval_ms=100', { bearer, onData: () => began() }) };
    };
    const revoked = listen(stack.token({ scopes: SCOPES, label: 'listener' }));
    await revoked.first;
    stack.ctl('token', 'revoke', idOf('listener'));
    assert.equal((await revoked.over).whole, false);
    const suspended = listen(token);
    await suspended.first;
    stack.ctl('user', 'suspend', ADA);
    assert.equal((await suspended.over).whole, false);
    assertProblem(await proxy('/x'), 403, 'forbidden');
    stack.ctl('user', 'resume', ADA);
    const events = await send('/sse?n=30&interval_ms=100');
    assert.equal(events.text.match(/^data:/gm).length, 30, 'a right that holds is looked at, and no more');
    assert.ok(events.whole);
});

test('one caller has half of the places, and leaves the others to others', async () => {
    const held = await Promise.all(Array.from({ length: 16 }, () => new Promise((resolve, reject) => {
        http.get(`${stack.url}/proxy/sse?n=1000&interval_ms=200`, {
            headers: { authorization: `Bearer ${token}`, connection_name: 'gmail', identifier: ADA },
        }, resolve).on('error', reject);
    })));
    for (const answer of held) assert.equal(answer.statusCode, 200);
    const refused = assertProblem(await proxy('/x'), 429, 'too-many-calls');
    assert.match(refused.detail, /16 calls under way/);
    assert.equal(refused.source, 'gatehouse');
    assert.equal(trail().error_code, 'token_in_flight');
    assert.equal((await proxy('/x', { token: stack.token({ scopes: SCOPES, label: 'other' }) })).status, 200);
    assert.equal((await callApi(stack, '/api/v1/me', { token, user: ADA })).status, 200);
    for (const answer of held) answer.destroy();
    await until('the places being free again', async () => (await proxy('/x')).status === 200);
});

test('an answer that breaks off is never taken for a whole one', async () => {
    for (const [method, status, slug] of [['GET', 503, 'upstream-unavailable'], ['POST', 502, 'outcome-unknown']]) {
        await stack.fault({ match: '/proxy/', kind: 'cut', times: 1 });
        const answer = await send('/x', { method, body: method === 'POST' ? 'x' : undefined }).catch(() => ({ whole: false }));
        // A problem, unless a part of it had gone on already.
        if (answer.whole) {
            assert.equal(answer.status, status);
            assert.match(answer.text, new RegExp(`/problems/${slug}"`));
        }
    }
    assert.equal((await proxy('/x')).status, 200);
});

test('a caller that leaves ends its call to the app', async () => {
    const gone = await new Promise((resolve) => {
        const request = http.get(`${stack.url}/proxy/sse?n=100000&interval_ms=20`, {
            headers: { authorization: `Bearer ${token}`, connection_name: 'gmail', identifier: ADA },
        }, (answer) => answer.once('data', () => {
            request.destroy();
            resolve(true);
        }));
    });
    assert.ok(gone);
    await until('the request being over', () => stack.requests().some((line) => line.route?.startsWith('/proxy') && line.error === 'unavailable'));
});

test('a reader that leaves while the app is silent ends a read, but no write', async () => {
    const lines = () => stack.requests().filter((line) => line.route?.startsWith('/proxy'));
    const rows = () => stack.sql("SELECT COUNT(*) AS n FROM tool_call WHERE tool_name = 'PUT /delay/1500' AND outcome = 'ok'")[0].n;
    const before = lines().length;
    const leave = (path, method, when) => new Promise((resolve) => {
        const request = http.request(`${stack.url}/proxy${path}`, {
            method, headers: { authorization: `Bearer ${token}`, connection_name: 'gmail', identifier: ADA },
        }, (answer) => when === 'data' && answer.once('data', () => resolve(request.destroy())));
        request.on('error', () => {});
        request.end();
        if (when === 'sent') setTimeout(() => resolve(request.destroy()), 300);
    });
    await leave('/sse?n=3&interval_ms=60000', 'GET', 'data');
    await leave('/delay/60000', 'GET', 'sent');
    await until('both being over', () => lines().length >= before + 2, 5000);
    await leave('/delay/1500', 'PUT', 'sent');
    await until('the write being on record as made', () => rows() === 1, 10000);
});

test('Idempotency-Key: the app is asked once', async () => {
    const keyed = (key, body = '{"a":1}', headers = {}) => send('/orders', {
        method: 'POST', body, headers: { 'idempotency-key': key, 'content-type': 'application/json', ...headers },
    });
    const count = async () => (await stack.simLog()).filter((entry) => entry.path === '/proxy/orders').length;
    const first = await keyed('k1');
    assert.equal(first.status, 200);
    const calls = await count();
    const again = await keyed('k1');
    assert.equal(again.status, 200);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(again.text, first.text);
    assert.equal(await count(), calls);
    assert.equal((await keyed('k1', '{"a":2}')).status, 422);
    assert.equal((await keyed('k1', '{"a":1}', { connection_name: 'notion' })).status, 422);
    const large = await send('/bytes?n=3000000', { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k2' } });
    assert.equal(large.length, 3000000);
    assert.equal((await send('/bytes?n=3000000', { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k2' } })).status, 409);
    const huge = await send('/bytes?n=9000000', { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k3' } });
    assert.equal(huge.status, 409);
    assert.match(huge.text, /answer-not-kept/);
    assert.equal((await send('/x', { method: 'POST', body: 'y'.repeat(MEBI + 1), headers: { 'idempotency-key': 'k4' } })).status, 413);
    // A key on a read means nothing.
    assert.equal((await send('/x', { headers: { 'idempotency-key': 'k5' } })).headers.get('idempotent-replayed'), null);

    await stack.fault({ match: '/proxy/', kind: 'reset', times: 1 });
    assert.equal((await keyed('k6')).status, 502);
    assert.match((await keyed('k6')).text, /outcome-unknown/);
});

test('a call under a key is not made twice, though the portal is killed in the middle', async () => {
    const order = { method: 'POST', body: '{}', headers: { 'idempotency-key': 'killed', 'content-type': 'application/json' } };
    const made = async () => (await stack.simLog()).filter((entry) => entry.path === '/proxy/delay/1500' && entry.method === 'POST').length;
    const lost = send('/delay/1500', order).catch(() => ({ status: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 600));
    await stack.programs.gatehouse.kill('SIGKILL');
    assert.notEqual((await lost).status, 200);
    await stack.startGatehouse();
    for (let i = 0; i < 3; i++) {
        const again = await send('/delay/1500', order);
        assert.equal(again.status, 409);
        assert.match(again.text, /outcome-unknown/);
    }
    await until('the app having been asked', async () => await made() >= 1);
    assert.equal(await made(), 1);
});

test('bodies of a wrong length, too large or cut short', async () => {
    const head = (extra) => `POST /proxy/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nconnection_name: gmail\r\nidentifier: ${ADA}\r\n${extra}\r\n`;
    const large = await sendRaw(stack.url, head(`Content-Length: ${129 * MEBI}\r\n`));
    assert.equal(large.status, 413);
    assert.match(large.headers.get('content-type'), /problem\+json/);
    const chunked = await sendRaw(stack.url, `${head('Transfer-Encoding: chunked\r\nConnection: close\r\n')}5\r\nhello\r\n4\r\n you\r\n0\r\n\r\n`);
    assert.equal(chunked.status, 200);
    assert.match(chunked.text, /hello you/);
    const bothWays = await sendRaw(stack.url, `${head('Transfer-Encoding: chunked\r\nContent-Length: 3\r\nConnection: close\r\n')}5\r\nhello\r\n0\r\n\r\n`);
    assert.equal(bothWays.status, 400);
    // Refused before its body was looked at, and the next request on the connection is its own.
    const refused = await send('/x', { method: 'POST', body: Buffer.alloc(3 * MEBI), bearer: 'ghs_nonsense' });
    assert.equal(refused.status, 401);
    for (let i = 0; i < 8; i++) assert.equal((await proxy('/after')).status, 200);
});

test('a stop waits for a download, but not for events without end', { timeout: 60000 }, async () => {
    let stopping;
    const begun = Date.now();
    const under = new Set();
    const stopOnceBegun = (name) => {
        if (under.add(name).size === 2) stopping ??= stack.programs.gatehouse.kill('SIGTERM').then(() => Date.now());
    };
    const [events, download] = await Promise.all([
        send('/sse?n=1000000&interval_ms=20', { onData: () => stopOnceBegun('events') }),
        send(`/bytes?n=${80 * MEBI}`, { onData: () => stopOnceBegun('download') }),
    ]);
    assert.equal(events.whole, false);
    assert.equal(download.length, 80 * MEBI);
    assert.ok(download.whole);
    assert.ok(await stopping - begun < 40000, 'long before the 70 s that requests are given');
    assert.equal(stack.programs.gatehouse.exit.code, 0);
    await stack.startGatehouse();
    assert.equal((await proxy('/x')).status, 200);
});

test('an answer that breaks off in the middle is seen to be broken', async () => {
    let begun = 0;
    const queries = ['/sse?n=100000&interval_ms=10', '/bytes?n=900000000', '/bytes?n=900000000&chunked=1'];
    const cut = await Promise.all(queries.map((query) => {
        let has = false;
        return send(query, {
            onData: () => {
                begun += has ? 0 : 1;
                has = true;
                if (begun === queries.length) stack.programs.sim.kill('SIGKILL');
            },
        });
    }));
    for (const [i, answer] of cut.entries()) {
        assert.equal(answer.status, 200, queries[i]);
        assert.equal(answer.whole, false, queries[i]);
    }
    // With nobody there, calls soon fail without being tried.
    for (let i = 0; i < 8; i++) {
        const problem = assertProblem(await proxy('/x'), 503, 'upstream-unavailable');
        assert.equal(problem.source, 'scalekit');
        assert.ok(problem.retry_after_s > 0);
    }
    assert.match(stack.programs.gatehouse.text(), /event=scalekit_paused work=tool/);
});
