// The OpenAPI document: valid, served, and true: real requests and answers are held against it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import SwaggerParser from '@apidevtools/swagger-parser';
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';
import { Browser, source, startStack } from './harness.mjs';
import { ADA, GRACE, callApi, connect, csrfOf, fetchMails } from './steps.mjs';

const file = path.join(source, 'static/openapi.json');

describe('the OpenAPI document', () => {
    let stack;
    let ada;
    let token;
    let document;
    let ajv;
    const seen = new Set(); // "GET /api/v1/me 200"
    before(async () => {
        stack = await startStack();
        token = stack.token({ label: 'agent' });
        ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        document = JSON.parse(readFileSync(file, 'utf8'));
        ajv = addFormats(new Ajv2020.default({ strict: false, allErrors: true }));
        ajv.addSchema(document, 'openapi');
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    const pointer = (...parts) => `openapi#/${parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`;
    const validate = (where, value) => {
        const check = ajv.getSchema(where);
        assert.ok(check, `no schema at ${where}`);
        assert.ok(check(value), `${JSON.stringify(value).slice(0, 600)}\n${ajv.errorsText(check.errors)}`);
    };

    // Ask, and hold status, headers and body against the document.
    async function ask(pattern, { query = '', connection = 'gmail', id = '-', method = 'GET', ...options } = {}) {
        const where = pattern.replace('{connection}', connection).replace('{id}', id);
        const answer = await callApi(stack, where + query, { token, user: ADA, method, ...options });
        const operation = document.paths[pattern][method.toLowerCase()];
        const known = operation.responses[answer.status] ? String(answer.status) : 'default';
        seen.add(`${method} ${pattern} ${known}`);
        if (answer.status === 304) {
            assert.equal(answer.text, '');
            return answer;
        }
        const type = answer.headers.get('content-type');
        assert.equal(type, known === 'default' ? 'application/problem+json' : 'application/json');
        const schema = known === 'default'
            ? pointer('components', 'responses', 'problem', 'content', type, 'schema')
            : pointer('paths', pattern, method.toLowerCase(), 'responses', known, 'content', type, 'schema');
        validate(schema, answer.json);
        return answer;
    }
    const execute = (body, options = {}) => {
        validate(pointer('components', 'schemas', 'ExecuteToolRequest'), body);
        return ask('/api/v1/execute_tool', { method: 'POST', body, ...options });
    };

    it('is valid OpenAPI 3.1', async () => {
        const api = await SwaggerParser.validate(file);
        assert.match(api.openapi, /^3\.1/);
        const ids = Object.values(api.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
        assert.equal(new Set(ids).size, ids.length);
    });

    it('is served to anybody, as it is', async () => {
        const answer = await fetch(`${stack.url}/api/v1/openapi.json`);
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('content-type'), 'application/json');
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        assert.equal(await answer.text(), readFileSync(file, 'utf8'));
        assert.equal((await fetch(`${stack.url}/api/v1/openapi.json`, { method: 'POST' })).status, 403);
    });

    it('who the caller is', async () => {
        for (const options of [{}, { user: undefined }, { token: stack.token({ personal: ADA, days: 1 }) }]) {
            assert.equal((await ask('/api/v1/me', options)).status, 200);
        }
        const csrf = await csrfOf(ada, stack);
        const page = await ada.request(`${stack.url}/api/v1/me`, { headers: { 'gatehouse-csrf': csrf } });
        validate(pointer('components', 'schemas', 'Me'), JSON.parse(page.text));
        assert.equal((await ask('/api/v1/me', { token: 'ghp_nobody' })).status, 401);
    });

    it('connections', async () => {
        assert.equal((await ask('/api/v1/connections')).status, 200);
        assert.equal((await ask('/api/v1/connections', { token: stack.token({ scopes: 'tools:execute' }) })).status, 403);
        for (const connection of ['gmail', 'notion']) {
            assert.equal((await ask('/api/v1/connections/{connection}', { connection })).status, 200);
        }
        assert.equal((await ask('/api/v1/connections/{connection}', { query: '?wait=1&status=ACTIVE' })).status, 200);
        assert.equal((await ask('/api/v1/connections/{connection}', { connection: 'none' })).status, 404);
    });

    it('connected accounts', async () => {
        const accounts = '/api/v1/connected_accounts';
        const writer = stack.token({ scopes: 'tools:read accounts:write' });
        const post = (rest, body, options) => {
            const schema = document.paths[accounts + rest].post.requestBody.content['application/json'].schema.$ref.split('/').at(-1);
            validate(pointer('components', 'schemas', schema), body);
            return ask(accounts + rest, { method: 'POST', body, ...options });
        };
        assert.equal((await post('', { connector: 'slack', identifier: ADA, connected_account: {} })).status, 201);
        assert.equal((await post('', { connector: 'slack' })).status, 409);
        assert.equal((await ask(accounts, { query: '?page_size=1&query=a' })).json.connected_accounts.length, 1);
        assert.equal((await ask(accounts, { query: '?connection_names=gmail&connection_names=slack&provider=' })).json.total_size, 2);
        assert.equal((await ask(accounts, { query: '?page_token=2' })).status, 400);
        assert.equal((await ask('/api/v1/connections/app', { query: '?page_size=3' })).json.connections.length, 3);
        assert.equal((await ask('/api/v1/connections/app', { query: '?page_size=101' })).status, 400);
        const { id } = (await ask(`${accounts}/details`, { query: '?connector=slack' })).json.connected_account;
        assert.equal((await ask(`${accounts}/details`, { query: '?id=ca_none' })).status, 404);
        assert.equal((await post('/magic_link', { id, user_verify_url: '/', state: 'x' })).status, 200);
        assert.equal((await post('/magic_link', { connector: 'none' })).status, 404);
        assert.equal((await post('/{id}:disconnect', { id }, { token: writer })).status, 200);
        assert.equal((await post('/{id}:disconnect', {}, { id })).status, 403);
        assert.equal((await post(':delete', { id }, { token: writer })).status, 200);
        assert.equal((await post(':delete', { connector: 'slack' }, { token: writer })).status, 404);
    });

    it('tools', async () => {
        for (const pattern of ['/api/v1/tools/scoped', '/api/v1/tools/available']) {
            const first = await ask(pattern, { query: '?page_size=3' });
            assert.equal(first.status, 200);
            assert.ok(first.json.tools.length > 0);
            const headers = { 'if-none-match': first.headers.get('etag') };
            assert.equal((await ask(pattern, { query: '?page_size=3', headers })).status, 304);
            assert.equal((await ask(pattern, { token: stack.token({ tools: 'gmail_fetch_*' }) })).status, 200);
            assert.equal((await ask(pattern, { query: '?page_size=101' })).status, 400);
        }
        const filters = '?filter.connection_names=gmail&filter.providers=GMAIL&filter.tool_names=gmail_fetch_mails';
        assert.equal((await ask('/api/v1/tools/scoped', { query: filters })).json.tools.length, 1);
    });

    it('running a tool, and every way in which that fails', async () => {
        assert.equal((await execute(fetchMails)).status, 200);
        assert.equal((await execute({ tool_name: 'gmail_fetch_mails', tool_input: {}, agent_run_id: 'run-1', identifier: ADA })).status, 200);
        assert.equal((await execute(fetchMails, { query: '?explain=1' })).json.would_run, true);
        assert.equal((await execute({ ...fetchMails, connector: 'notion', return_to: '/' }, { query: '?explain=1' })).json.would_run, false);
        assert.equal((await execute({ ...fetchMails, connector: 'notion', return_to: '/' })).status, 409);
        assert.equal((await execute(fetchMails, { token: stack.token({ tools: 'other' }) })).status, 403);
        assert.equal((await execute({ ...fetchMails, connected_account_id: 'ca_1', connector: null })).status, 404);
        assert.equal((await execute(fetchMails, { user: GRACE, token: stack.token({ users: ADA }) })).status, 403);
        await stack.simPost('/sim/connections', { name: 'gmail-work', provider: 'GMAIL' });
        await stack.simPost('/sim/accounts', { connector: 'gmail-work', identifier: ADA, status: 'ACTIVE' });
        assert.equal((await execute({ tool_name: 'gmail_fetch_mails' })).json.connections.length, 2);
        assert.equal((await execute({ ...fetchMails, params: { sim_error: 500 } })).json.source, 'provider');
        for (const fault of [{ status: 429, retry_after: 3 }, { status: 503 }, { kind: 'cut', after: true }, { kind: 'rubbish' }]) {
            await stack.fault({ match: '/api/v1/execute_tool', times: 1, ...fault });
            assert.ok((await execute(fetchMails)).status >= 400);
        }
    });

    it('bearers for service tokens', async () => {
        const [, client_id, client_secret] = /_ID=(.*)\nSCALEKIT_CLIENT_SECRET=(.*)\n/.exec(
            stack.ctl('token', 'create', '--service', '--label', 'client', '--users', ADA));
        const exchange = {
            grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: ADA,
            subject_token_type: 'urn:gatehouse:params:oauth:token-type:identifier',
        };
        const client = { client_id, client_secret };
        for (const [wish, status] of [
            [{ grant_type: 'client_credentials', ...client }, 200], [{ ...exchange, ...client, scope: 'tools:read' }, 200],
            [{ grant_type: 'client_credentials', ...client, client_secret: 'no' }, 401], [{ ...exchange, ...client, subject_token: GRACE }, 400],
            [{ ...exchange, ...client, audience: 'elsewhere' }, 400], [{ grant_type: 'client_credentials', ...client, scope: '*' }, 400],
        ]) {
            validate(pointer('components', 'schemas', 'TokenRequest'), { ...wish, ...(wish.audience ? { audience: [wish.audience] } : {}) });
            const answer = await callApi(stack, '/oauth/token', {
                method: 'POST', body: new URLSearchParams(wish).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' },
            });
            assert.equal(answer.status, status, answer.text);
            const known = status === 200 ? '200' : 'default';
            validate(pointer('paths', '/oauth/token', 'post', 'responses', known, 'content', 'application/json', 'schema'), answer.json);
            seen.add(`POST /oauth/token ${known}`);
        }
    });

    it('calls to apps themselves', async () => {
        const direct = stack.token({ scopes: 'proxy:read proxy:write' });
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
            const call = (connection) => callApi(stack, '/proxy/v1/things', { token: direct, user: ADA, method, headers: { connection_name: connection } });
            const answer = await call('gmail');
            assert.equal(answer.status, 200);
            assert.equal(answer.headers.get('gatehouse-source'), 'provider');
            const problem = await call('slack');
            assert.equal(problem.status, 409);
            validate(pointer('components', 'responses', 'fromApp', 'content', 'application/problem+json', 'schema'), problem.json);
            assert.ok(document.paths['/proxy/{path}'][method.toLowerCase()]);
            seen.add(`${method} /proxy/{path} default`);
        }
    });

    it('what the document refuses, the portal refuses', async () => {
        const check = ajv.getSchema(pointer('components', 'schemas', 'ExecuteToolRequest'));
        const bodies = [{}, { ...fetchMails, other: 1 }, { ...fetchMails, params: [] }, { ...fetchMails, tool_name: 7 },
            { ...fetchMails, tool_name: '' }, { ...fetchMails, connector: 'x'.repeat(129) }, { ...fetchMails, return_to: '/'.padEnd(2049, 'x') }];
        for (const body of bodies) {
            assert.equal(check(body), false, JSON.stringify(body).slice(0, 100));
            assert.equal((await ask('/api/v1/execute_tool', { method: 'POST', body })).status, 400);
        }
    });

    it('nothing in it was left untried', () => {
        const all = Object.entries(document.paths).flatMap(([pattern, item]) => Object.entries(item)
            .flatMap(([method, { responses }]) => Object.keys(responses).map((status) => `${method.toUpperCase()} ${pattern} ${status}`)));
        assert.deepEqual(all.filter((one) => !seen.has(one)), []);
    });
});
