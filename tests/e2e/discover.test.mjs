// Finding out what can be called, as whom, and when: available tools, one connection, what a call would do.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, field, startStack } from './harness.mjs';
import { ADA, GRACE, assertProblem, callApi, connect, executeTool } from './steps.mjs';

describe('discovering', () => {
    let stack;
    let ada;
    let token;
    before(async () => {
        stack = await startStack();
        token = stack.token({ label: 'agent' });
        ada = new Browser();
        await ada.signIn(stack, 'ada');
        await connect(ada, stack, 'gmail');
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    const get = (where, options = {}) => callApi(stack, where, { token, user: ADA, ...options });

    describe('tools that could be made available', () => {
        const everyPage = async (options) => {
            const tools = [];
            let pageToken = '';
            do {
                const answer = await get(`/api/v1/tools/available?page_size=20&page_token=${encodeURIComponent(pageToken)}`, options);
                assert.equal(answer.status, 200, answer.text);
                tools.push(...answer.json.tools);
                pageToken = answer.json.next_page_token;
            } while (pageToken);
            return tools;
        };

        it('connected or not, in Scalekit\'s own shape', async () => {
            const tools = await everyPage();
            const names = tools.map((tool) => tool.definition.name);
            assert.equal(new Set(names).size, names.length);
            for (const name of ['gmail_fetch_mails', 'notion_search', 'exa_search']) assert.ok(names.includes(name), name);
            assert.ok(!names.some((name) => name.startsWith('salesforce_')), 'its connection is not offered');
            for (const tool of tools) {
                assert.match(tool.id, /^tol_/);
                assert.equal(typeof tool.definition.input_schema, 'object');
            }
        });

        it('only what the token\'s rules could ever let through', async () => {
            const narrow = stack.token({ connections: 'notion exa', tools: '*_search gmail_*' });
            const names = (await everyPage({ token: narrow })).map((tool) => tool.definition.name);
            assert.deepEqual(names.sort(), ['exa_search', 'notion_search']);
            const empty = stack.token({ connections: '*', tools: 'none' });
            assert.deepEqual(await everyPage({ token: empty }), []);
        });

        it('for the named user alone', async () => {
            await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
            const where = '/api/v1/tools/available';
            const mine = stack.token({ personal: ADA });
            assertProblem(await callApi(stack, `${where}?identifier=${GRACE}`, { token: mine }), 403, 'forbidden');
            assertProblem(await get(`${where}?identifier=${GRACE}`), 400, 'invalid-request');
            assertProblem(await get(`${where}?filter.providers=GMAIL`), 400, 'invalid-request');
            assertProblem(await get(where, { token: stack.token({ scopes: 'tools:execute' }) }), 403, 'forbidden');
            assert.equal((await callApi(stack, where, { token: mine })).status, 200);
            const asked = (await stack.simLog()).filter((entry) => entry.path === where);
            assert.deepEqual(asked.map((entry) => new URLSearchParams(entry.query).get('identifier')), [ADA]);
        });
    });

    describe('a call that names the tool alone', () => {
        const bare = { tool_name: 'gmail_fetch_mails', params: { max_results: 1 } };

        it('runs where the tool is unambiguous', async () => {
            const answer = await executeTool(stack, token, bare);
            assert.equal(answer.status, 200, answer.text);
            const row = stack.sql(`SELECT * FROM tool_call WHERE request_id = '${answer.headers.get('x-request-id')}'`)[0];
            assert.equal(row.connection_name, 'gmail');
            assert.equal(row.outcome, 'ok');
        });

        it('is refused, naming both, where two connections have it', async () => {
            await stack.simPost('/sim/connections', { name: 'gmail-work', provider: 'GMAIL' });
            await stack.simPost('/sim/accounts', { connector: 'gmail-work', identifier: ADA, status: 'ACTIVE' });
            const problem = assertProblem(await executeTool(stack, token, bare), 400, 'invalid-request');
            assert.deepEqual(problem.connections.sort(), ['gmail', 'gmail-work']);
            assert.match(problem.detail, /gmail-work/);
            const only = stack.token({ connections: 'gmail-work' });
            assert.notEqual((await executeTool(stack, only, bare)).status, 400, 'the rules leave one');
            await stack.simPost('/sim/accounts', { connector: 'gmail-work', identifier: ADA, status: 'DISCONNECTED' });
            assert.equal((await executeTool(stack, token, bare)).status, 200);
        });

        it('says whom to send where, when the one connection that would have it is not connected', async () => {
            const answer = await executeTool(stack, token, { ...bare, tool_name: 'notion_search', return_to: '/' });
            const problem = assertProblem(answer, 409, 'authorization-required');
            assert.equal(problem.connection, 'notion');
            assert.equal(problem.authorization_url, `${stack.url}/connect/notion?return_to=%2F`);
        });

        it('is 404 where nobody has it, and 403 where the rules allow it nowhere', async () => {
            assertProblem(await executeTool(stack, token, { ...bare, tool_name: 'no_such_tool' }), 404, 'not-found');
            const narrow = stack.token({ tools: 'slack_*' });
            assert.match(assertProblem(await executeTool(stack, narrow, bare), 403, 'forbidden').detail, /rule:/);
        });
    });

    describe('one connection, and waiting for it', () => {
        const one = '/api/v1/connections/';
        const status = (connection, value) => stack.simPost('/sim/accounts', { connector: connection, identifier: ADA, status: value });
        const timed = async (promise) => {
            const start = Date.now();
            const answer = await promise;
            return { ...answer, ms: Date.now() - start };
        };

        it('has the members of the list', async () => {
            const { json } = await get(`${one}gmail`);
            const listed = (await get('/api/v1/connections')).json.connections.find(({ connection_name: name }) => name === 'gmail');
            assert.equal(json.stale_since, null);
            delete json.stale_since;
            assert.deepEqual({ ...json, last_used_at: 0, updated_at: 0 }, { ...listed, last_used_at: 0, updated_at: 0 });
            assertProblem(await get(`${one}no-such-connection`), 404, 'not-found');
        });

        it('answers the moment the user has connected', async () => {
            assert.equal((await get(`${one}slack`)).json.status, null);
            const waiting = timed(get(`${one}slack?wait=30&status=`));
            await new Promise((resolve) => setTimeout(resolve, 300));
            await connect(ada, stack, 'slack');
            const answer = await waiting;
            assert.equal(answer.status, 200);
            // PENDING_AUTH in between is a change, too: an agent asks again from there.
            let { json } = answer;
            for (let i = 0; json.status !== 'ACTIVE' && i < 5; i++) json = (await get(`${one}slack?wait=30&status=${json.status}`)).json;
            assert.equal(json.status, 'ACTIVE');
            assert.ok(answer.ms < 5000, `${answer.ms} ms`);
        });

        it('notices what happened at Scalekit alone, asking once for all who wait', async () => {
            await get(`${one}slack`);
            await fetch(`${stack.sim}/sim/log`, { method: 'DELETE' });
            const waiting = Array.from({ length: 6 }, () => timed(get(`${one}slack?wait=30&status=ACTIVE`)));
            await new Promise((resolve) => setTimeout(resolve, 500));
            await status('slack', 'EXPIRED');
            const answers = await Promise.all(waiting);
            assert.deepEqual(answers.map(({ json }) => json.status), Array(6).fill('EXPIRED'));
            assert.ok(Math.max(...answers.map(({ ms }) => ms)) < 8000);
            const asked = (await stack.simLog()).filter((entry) => entry.path === '/api/v1/connected_accounts').length;
            assert.ok(asked >= 1 && asked <= 4, `asked ${asked} times`);
        });

        it('answers after the time, unchanged, and at once without a wait', async () => {
            const late = await timed(get(`${one}slack?wait=1`));
            assert.equal(late.json.status, 'EXPIRED');
            assert.ok(late.ms >= 950 && late.ms < 3000, `${late.ms} ms`);
            assert.ok((await timed(get(`${one}slack?wait=30&status=ACTIVE`))).ms < 900);
            assert.ok((await timed(get(`${one}slack`))).ms < 900);
            for (const query of ['wait=56', 'wait=soon', 'status=active']) assertProblem(await get(`${one}slack?${query}`), 400, 'invalid-request');
        });

        it('holds no thread, and a user has only so many places', async () => {
            const waiting = Array.from({ length: 8 }, () => get(`${one}slack?wait=3`));
            await new Promise((resolve) => setTimeout(resolve, 400));
            const busy = await get(`${one}slack?wait=3`);
            assert.equal(assertProblem(busy, 503, 'busy').source, 'gatehouse');
            assert.equal((await timed(get('/api/v1/me'))).status, 200);
            assert.equal((await get(`${one}slack`)).status, 200);
            for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200);
            assert.equal((await get(`${one}slack?wait=1`)).status, 200, 'places are given back');
        });

        it('a stop lets everybody go with an answer', async () => {
            const waiting = timed(get(`${one}slack?wait=55`));
            await new Promise((resolve) => setTimeout(resolve, 400));
            await stack.programs.gatehouse.stop();
            const answer = await waiting;
            assert.equal(answer.status, 200);
            assert.ok(answer.ms < 5000, `${answer.ms} ms`);
            await stack.startGatehouse();
        });
    });

    describe('an authorization link that leads back', () => {
        const order = { tool_name: 'notion_search', connector: 'notion', params: {} };

        it('brings the user to return_to once they have connected', async () => {
            const target = '/connectors/notion?from=agent&x=%C3%A9';
            const problem = assertProblem(await executeTool(stack, token, { ...order, return_to: target }), 409, 'authorization-required');
            const link = new URL(problem.authorization_url);
            assert.equal(link.pathname, '/connect/notion');
            assert.equal(link.searchParams.get('return_to'), target);
            const callback = await connect(ada, stack, 'notion', { returnTo: link.searchParams.get('return_to') });
            assert.equal(callback.location, stack.url + target);
            assert.equal((await executeTool(stack, token, { ...order, return_to: target })).status, 200);
        });

        it('is refused when it leads elsewhere, before anything is done', async () => {
            const count = async () => (await stack.simLog()).length;
            const before = await count();
            for (const target of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/%2e%2e/x', '', 7]) {
                assertProblem(await executeTool(stack, token, { ...order, return_to: target }), 400, 'invalid-request');
            }
            assert.equal(await count(), before);
        });
    });

    describe('explaining', () => {
        const explain = (body, options = {}) => callApi(stack, '/api/v1/execute_tool?explain=1', { token, user: ADA, body, ...options });
        const order = { tool_name: 'gmail_send_email', connector: 'gmail', params: { to: 'x@example.com', subject: 's', body: 'b' } };
        const executions = async () => (await stack.simLog()).filter((entry) => entry.path === '/api/v1/execute_tool').length;
        const rows = () => stack.sql('SELECT count(*) AS n FROM tool_call')[0].n;

        it('says what would happen, and nothing happens', async () => {
            const before = [await executions(), rows()];
            const { status, json } = await explain(order);
            assert.equal(status, 200);
            assert.match(json.connected_account_id, /^ca_/);
            const { calls_remaining: left, in_flight: underWay, ...limits } = json.limits;
            assert.ok(left > 0 && left < 6000 && underWay >= 1, JSON.stringify(json.limits));
            assert.deepEqual({ ...json, connected_account_id: '', limits }, {
                would_run: true, tool_name: 'gmail_send_email', identifier: ADA, connection: 'gmail', connected_account_id: '',
                account_status: 'ACTIVE', rule: 'tools', problem: null, idempotency_key: null,
                limits: {
                    timeout_ms: 60000, request_max_bytes: 1048576, answer_max_bytes: 16777216, calls_per_minute: 6000, in_flight_max: 64,
                    ...(limits.token_in_flight_max ? { token_in_flight_max: 1000, token_in_flight: limits.token_in_flight } : {}),
                },
            });
            const denied = (await explain(order, { token: stack.token({ tools: 'gmail_fetch_*' }) })).json;
            assert.equal(denied.would_run, false);
            assert.equal(denied.rule, 'tools');
            assert.equal(denied.problem.status, 403);
            const unconnected = (await explain({ tool_name: 'linear_list_teams', connector: 'linear' })).json;
            assert.equal(unconnected.account_status, null);
            assert.equal(unconnected.problem.authorization_url, `${stack.url}/connect/linear`);
            assert.deepEqual([await executions(), rows()], before);
        });

        it('does not use up an Idempotency-Key', async () => {
            const headers = { 'idempotency-key': 'explained-first' };
            assert.equal((await explain(order, { headers })).json.would_run, true);
            const done = await executeTool(stack, token, order, { headers });
            assert.equal(done.status, 200, done.text);
            assert.equal(done.headers.get('idempotent-replayed'), null);
            const { would_run: runs, idempotency_key: state } = (await explain(order, { headers })).json;
            assert.deepEqual([runs, state], [false, 'would_replay']);
            assert.equal((await executeTool(stack, token, order, { headers })).headers.get('idempotent-replayed'), 'true');
        });

        it('says the same as the call then does', async () => {
            for (const body of [order, { ...order, connector: 'linear' }, { ...order, connector: 'nope' }, { tool_name: 'no_such_tool' }]) {
                const said = (await explain(body)).json;
                const done = await executeTool(stack, token, body);
                assert.equal(done.status, said.problem?.status ?? 200, JSON.stringify(said));
                if (said.problem) assert.equal(done.json.type, said.problem.type);
            }
        });
    });

    describe('listing again', () => {
        const asked = async (where) => (await stack.simLog()).filter((entry) => entry.path === where).length;

        it('an unchanged list is a 304, and Scalekit is not asked', async () => {
            for (const where of ['/api/v1/tools/scoped', '/api/v1/tools/available']) {
                const first = await get(where);
                assert.equal(first.headers.get('cache-control'), 'private, no-cache');
                assert.match(first.headers.get('vary'), /Gatehouse-User/);
                const before = await asked(where);
                const again = await get(where, { headers: { 'if-none-match': first.headers.get('etag') } });
                assert.equal(again.status, 304);
                assert.equal(again.text, '');
                assert.equal(again.headers.get('etag'), first.headers.get('etag'));
                assert.equal((await get(where, { token: stack.token() })).text, first.text);
                assert.equal(await asked(where), before);
            }
        });

        it('a change of status shows at once', async () => {
            const names = async () => (await get('/api/v1/tools/scoped?page_size=100')).json.tools.map(({ tool }) => tool.provider);
            await connect(ada, stack, 'slack');
            assert.ok((await names()).includes('SLACK'));
            const page = await ada.request(`${stack.url}/connectors/slack/disconnect?action=disconnect`);
            await ada.request(`${stack.url}/connectors/slack/disconnect`, { form: { csrf: field(page.text, 'csrf'), action: 'disconnect' } });
            assert.ok(!(await names()).includes('SLACK'));
        });
    });
});
