// What every answer has, whoever makes it: request ids, traces, whose time it took, and words that its reader understands,
// also when nginx has to answer for a Gatehouse that refuses, is stopped, or hangs.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, logLines, sendRaw, startStack, until } from './harness.mjs';
import { ADA, assertProblem, callApi, connect, executeTool } from './steps.mjs';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const EXECUTE = '/api/v1/execute_tool';

describe('every answer', () => {
    let stack;
    let ada;
    let token;
    before(async () => {
        stack = await startStack();
        ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        token = stack.token();
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    const host = () => new URL(stack.url).host;
    const raw = (head) => sendRaw(stack.url, `${[...head, `Host: ${host()}`, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    const header = (entry, name) => Object.entries(entry.headers).find(([key]) => key.toLowerCase() === name)?.[1];
    const lastCall = async () => (await stack.simLog()).filter((entry) => entry.path === EXECUTE).at(-1);
    const lineOf = async (answer) => {
        const id = answer.headers.get('x-request-id');
        let line;
        await until('the log line', () => (line = stack.requests().find(({ request_id: one }) => one === id)));
        return line;
    };
    const timing = (answer) => Object.fromEntries(answer.headers.get('server-timing').split(', ').map((metric) => {
        const [, name, ms] = /^([a-z]+);dur=(\d+)$/.exec(metric);
        return [name, Number(ms)];
    }));

    // Whoever made it, one id, and the same in what people and programs read.
    const assertIdentified = (answer) => assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/);
    function assertApiProblem(answer, status, slug) {
        assertIdentified(answer);
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        const problem = assertProblem({ ...answer, json: JSON.parse(answer.text) }, status, slug);
        assert.equal(String(problem.retry_after_s ?? ''), answer.headers.get('retry-after') ?? '');
        return problem;
    }
    function assertPage(answer, status, words) {
        assertIdentified(answer);
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
        assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
        assert.match(answer.text, words);
        assert.match(answer.text, new RegExp(`<code[^>]*>${answer.headers.get('x-request-id')}</code>`));
        assert.match(answer.text, /<link rel="stylesheet" href="\/static\/portal.css/);
        assert.doesNotMatch(answer.text, /nginx/);
    }

    describe('traces', () => {
        it('a caller’s own goes on to Scalekit and into the log', async () => {
            const answer = await executeTool(stack, token, undefined, {
                headers: { traceparent: `00-${ID}-${PARENT}-01`, tracestate: 'rojo=1, congo=t61rcWkgMzE' },
            });
            assert.equal(answer.status, 200);
            const seen = await lastCall();
            assert.match(header(seen, 'traceparent'), new RegExp(`^00-${ID}-(?!${PARENT})[0-9a-f]{16}-01$`));
            assert.equal(header(seen, 'tracestate'), 'rojo=1,congo=t61rcWkgMzE');
            assert.equal((await lineOf(answer)).trace_id, ID);
        });

        it('without a valid one the trace is named after the request', async () => {
            const headers = [undefined, { traceparent: `00-${ID}-${PARENT}`, tracestate: 'a=1' }, { traceparent: `ff-${ID}-${PARENT}-01` }];
            for (const one of headers) {
                const answer = await executeTool(stack, token, undefined, { headers: one });
                const id = answer.headers.get('x-request-id');
                const seen = await lastCall();
                assert.match(header(seen, 'traceparent'), new RegExp(`^00-${id}-[0-9a-f]{16}-00$`));
                assert.equal(header(seen, 'tracestate'), undefined);
                assert.equal((await lineOf(answer)).trace_id, id);
            }
        });

        it('two traceparents are none', async () => {
            const answer = await raw([`GET /api/v1/me HTTP/1.1`, `Authorization: Bearer ${token}`, `traceparent: 00-${ID}-${PARENT}-01`,
                `traceparent: 00-${ID}-${PARENT}-00`]);
            assert.equal(answer.status, 200);
            assert.equal((await lineOf(answer)).trace_id, answer.headers.get('x-request-id'));
        });
    });

    describe('whose time it took', () => {
        it('Scalekit’s, over several attempts and the pauses between them', async () => {
            await stack.fault({ match: '/api/v1/tools/scoped', status: 503, latency_ms: 150, times: 1 });
            await stack.fault({ match: '/api/v1/tools/scoped', latency_ms: 150 });
            const answer = await callApi(stack, '/api/v1/tools/scoped?page_size=7', { token, user: ADA });
            assert.equal(answer.status, 200);
            const { total, gate, scalekit, pause } = timing(answer);
            assert.ok(scalekit >= 300 && pause >= 50, answer.headers.get('server-timing'));
            assert.equal(total, gate + scalekit + pause);
        });

        it('a wait for a change is a pause', async () => {
            const { total, gate, scalekit, pause } = timing(await callApi(stack, '/api/v1/connections/gmail?wait=1', { token, user: ADA }));
            assert.ok(pause >= 900 && total >= 1000 && scalekit < 900, JSON.stringify({ total, gate, scalekit, pause }));
        });

        it('is nobody else’s to know', async () => {
            for (const answer of [await callApi(stack, '/api/v1/me'), await callApi(stack, '/api/v1/me', { token: 'ghs_wrong' }), await callApi(stack, '/readyz')]) {
                assert.equal(answer.headers.get('server-timing'), null);
            }
            assert.equal((await ada.request(`${stack.url}/`)).headers.get('server-timing'), null);
        });
    });

    describe('what does not get to Gatehouse, or not into it', () => {
        it('a body beyond what nginx takes', async () => {
            // Announced, but never sent: nginx answers at once.
            const tooLarge = (where) => new Promise((resolve, reject) => {
                const headers = { 'content-type': 'application/json', 'content-length': 3 * 1024 * 1024 };
                const request = http.request(`${stack.url}${where}`, { method: 'POST', headers }, (answer) => {
                    const chunks = [];
                    answer.on('data', (chunk) => chunks.push(chunk));
                    answer.on('end', () => {
                        resolve({ status: answer.statusCode, headers: new Headers(Object.entries(answer.headers)), text: Buffer.concat(chunks).toString() });
                        request.destroy();
                    });
                });
                request.on('error', reject); // after the answer: of no account
                request.flushHeaders();
            });
            assertApiProblem(await tooLarge(EXECUTE), 413, 'too-large');
            assertPage(await tooLarge('/connectors/gmail/disconnect'), 413, /That is too large/);
        });

        it('more header than nginx or Gatehouse takes', async () => {
            assertPage(await raw(['GET / HTTP/1.1', `Cookie: a=${'x'.repeat(20000)}`]), 431, /header is too large/);
            const many = Array.from({ length: 200 }, (_, i) => `X-Many-${i}: 1`);
            assertApiProblem(await raw(['GET /api/v1/me HTTP/1.1', ...many]), 431, 'header-too-large');
            assertPage(await raw(['GET / HTTP/1.1', 'Accept: text/html', ...many]), 431, /Your browser sent too much/);
        });

        it('what is no request, or too much of an address', async () => {
            assertPage(await sendRaw(stack.url, 'NONSENSE\r\n\r\n'), 400, /not valid/);
            assertPage(await raw([`GET /${'x'.repeat(20000)} HTTP/1.1`]), 414, /address is too long/);
            assertPage(await ada.request(`${stack.url}/gatehouse-problem`), 404, /There is nothing here/); // not for asking
        });

        it('files that nginx has to give', async () => {
            assertPage(await ada.request(`${stack.url}/static/nothing.css`), 404, /There is nothing here/);
            assertApiProblem(await callApi(stack, '/api/v1/openapi.json', { method: 'POST', body: '{}' }), 403, 'forbidden');
        });

        it('a Gatehouse that is stopped, and the first token after it is back', async () => {
            await stack.programs.gatehouse.stop();
            const problem = assertApiProblem(await executeTool(stack, token), 502, 'portal-unavailable');
            assert.equal(problem.retry_after_s, 5);
            assertPage(await ada.request(`${stack.url}/connectors/gmail`), 502, /not running right now/);
            // Longer than what other addresses take: it is still a problem, not a word about its length.
            const long = await callApi(stack, '/proxy/x?argument=never-in-a-log', { method: 'PUT', token, headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(3 * 1024 * 1024) });
            assertApiProblem(long, 500, 'internal');
            assertApiProblem(await callApi(stack, '/proxy/x?argument=never-in-a-log', { token }), 502, 'portal-unavailable');
            assert.doesNotMatch(readFileSync(path.join(stack.run, 'nginx-error.log'), 'utf8'), /never-in-a-log/);
            await stack.startGatehouse();
            await stack.fault({ match: '/oauth/token', latency_ms: 300, times: 1 });
            const answer = await executeTool(stack, token);
            assert.equal(answer.status, 200);
            const { total, gate, scalekit, pause } = timing(answer);
            assert.ok(scalekit >= 300, 'the token is Scalekit’s time');
            assert.equal(total, gate + scalekit + pause);
        });

        it('a Gatehouse that hangs', async () => {
            const file = path.join(stack.run, 'nginx/fastcgi.conf');
            const text = readFileSync(file, 'utf8');
            assert.match(text, /fastcgi_read_timeout 75s;/);
            writeFileSync(file, text.replace('fastcgi_read_timeout 75s;', 'fastcgi_read_timeout 1s;'));
            stack.programs.nginx.child.kill('SIGHUP');
            stack.programs.gatehouse.child.kill('SIGSTOP');
            try {
                // Until nginx's new workers have taken over, the old ones would wait for 75 s.
                await until('nginx with a shorter patience', async () => {
                    const answer = await fetch(`${stack.url}/healthz`, { signal: AbortSignal.timeout(1500) });
                    return answer.status === 504;
                });
                assertApiProblem(await executeTool(stack, token), 504, 'portal-timeout');
                assertPage(await ada.request(`${stack.url}/`), 504, /did not answer in time/);
            } finally {
                stack.programs.gatehouse.child.kill('SIGCONT');
            }
            await until('Gatehouse being back', async () => (await callApi(stack, '/api/v1/me', { token })).status === 200);
        });
    });

    it('none is without an id, and no id is used twice', () => {
        const ids = logLines(path.join(stack.run, 'gatehouse.log')).filter(({ event }) => event === 'request').map((line) => line.request_id);
        assert.ok(ids.length > 10);
        assert.equal(new Set(ids).size, ids.length);
    });
});
