// Finding out what can be called, as whom, and when: available tools, one connection, what a call would do.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, startStack } from './harness.mjs';
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

        it('is 404 where nobody has it, and 403 where the rules allow it nowhere', async () => {
            assertProblem(await executeTool(stack, token, { ...bare, tool_name: 'notion_search' }), 404, 'not-found');
            const narrow = stack.token({ tools: 'slack_*' });
            assert.match(assertProblem(await executeTool(stack, narrow, bare), 403, 'forbidden').detail, /rule:/);
        });
    });
});
