// Connected accounts by those who know Scalekit's REST API: the same paths and shapes, for the caller's user alone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, sendRaw, source, startStack, until } from './harness.mjs';
import { ADA, GRACE, assertProblem, callApi, connect, consent, csrfOf, startConnecting } from './steps.mjs';

const ACCOUNTS = '/api/v1/connected_accounts';
const WRITES = 'tools:read tools:execute accounts:write';

describe('connected accounts over REST', () => {
    let stack;
    let ada;
    let token; // looks and runs tools
    let writer; // also ends connections
    before(async () => {
        stack = await startStack();
        token = stack.token({ label: 'agent' });
        writer = stack.token({ label: 'operator', scopes: WRITES });
        ada = new Browser();
        await ada.signIn(stack);
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    const get = (where, options = {}) => callApi(stack, ACCOUNTS + where, { token, user: ADA, ...options });
    const post = (where, body, options = {}) => callApi(stack, ACCOUNTS + where, { token, user: ADA, method: 'POST', body, ...options });
    const details = (connector, options) => get(`/details?connector=${connector}`, options);
    const asked = async (method, where) => (await stack.simLog())
        .filter((entry) => entry.method === method && entry.path === where).length;
    const events = (connection) => stack.sql(`SELECT old_status, new_status, source FROM account_event
        WHERE connection_name = '${connection}' ORDER BY id`);

    for (const [language, program, script, person, identifier] of [
        ['Node', process.execPath, 'making-tool-calls.mjs', 'ada', ADA],
        ['Python', 'python3', 'making_tool_calls.py', 'grace', GRACE],
    ]) {
        it(`a script in ${language} that was written for Scalekit: account, link, the person connects, a request, a tool runs`, async () => {
            const scopes = 'tools:read tools:execute proxy:read';
            const child = spawn(program, [path.join(source, 'tests/e2e/clients', script)], {
                env: { PATH: process.env.PATH, PORTAL: stack.url, TOKEN: stack.token({ scopes }), CONNECTION: 'gmail', TOOL: 'gmail_fetch_mails', IDENTIFIER: identifier },
            });
            let out = '';
            child.stdout.on('data', (chunk) => { out += chunk; });
            child.stderr.on('data', (chunk) => { out += chunk; });
            const ended = new Promise((resolve) => { child.once('close', resolve); });
            await until('the link', () => /Authorize connector: (\S+)\n/.test(out) || child.exitCode !== null);
            assert.match(out, /Account: ca_\S+ PENDING_AUTH/);
            const link = /Authorize connector: (\S+)\n/.exec(out)?.[1];
            assert.equal(link, `${stack.url}/connect/gmail`, out);
            const browser = person === 'ada' ? ada : new Browser();
            if (person !== 'ada') await browser.signIn(stack, person);
            const page = await browser.request(link);
            assert.equal(page.status, 200);
            await browser.request(await consent(browser, await startConnecting(browser, stack, 'gmail'), 'allow', identifier));
            child.stdin.write('\n');
            assert.equal(await ended, 0, out);
            assert.match(out, /Status: ACTIVE/);
            assert.match(out, new RegExp(`Request: 200 .*"path":"/v1/customers"`));
            assert.match(out, new RegExp(`"account":"${identifier}"`));
            assert.match(out, /Available tools: .*gmail_fetch_mails/);
            assert.match(out, /Result: .*messages/);
            assert.match(out, /Result: .*"status": ?200/);
        });
    }

    it('the link is no use to whom it was not made for', async () => {
        const { json } = await post('/magic_link', { connector: 'notion', user_verify_url: `${stack.url}/tokens` });
        assert.equal(json.link, `${stack.url}/connect/notion?return_to=%2Ftokens`);
        assert.equal('expiry' in json, false);
        const grace = new Browser();
        await grace.signIn(stack, 'grace');
        // What Grace allows behind Ada's link is Grace's: nothing of Ada's changes.
        assert.equal((await connect(grace, stack, 'notion', { account: GRACE })).status, 303);
        assertProblem(await details('notion'), 404, 'not-found');
        assert.equal((await details('notion', { user: GRACE })).json.connected_account.status, 'ACTIVE');
        assert.equal((await new Browser().request(json.link)).location.startsWith(`${stack.url}/signin?return_to=`), true);
        const refused = assertProblem(await post('/magic_link', { connector: 'notion', user_verify_url: 'https://evil.example/' }), 400, 'invalid-request');
        assert.match(refused.detail, /user_verify_url/);
    });

    it('lists in pages what the record has, and reads it anew', async () => {
        for (const connector of ['slack', 'github', 'exa']) {
            await stack.simPost('/sim/accounts', { connector, identifier: ADA, status: connector === 'exa' ? 'EXPIRED' : 'ACTIVE' });
        }
        assert.equal((await get('/details?connector=github')).json.connected_account.status, 'ACTIVE', 'asked for, as it is not on record');
        await until('the record has them all', async () => (await get('?page_size=100')).json.total_size === 4);
        const names = [];
        let pageToken = '';
        do {
            const { status, json, text } = await get(`?page_size=3&page_token=${encodeURIComponent(pageToken)}`);
            assert.equal(status, 200, text);
            assert.ok(json.connected_accounts.length <= 3);
            names.push(...json.connected_accounts.map(({ connector }) => connector));
            pageToken = json.next_page_token;
        } while (pageToken);
        assert.deepEqual(names, ['exa', 'github', 'gmail', 'slack']);
        const two = await get('?connection_names=slack&connection_names=exa');
        assert.deepEqual(two.json.connected_accounts.map(({ connector, status }) => `${connector} ${status}`), ['exa EXPIRED', 'slack ACTIVE']);
        assert.deepEqual((await get('?provider=slack', { token: stack.token({ connections: 'gmail' }) })).json.connected_accounts, []);
        for (const query of ['page_size=101', 'page_size=1e9', 'page_token=2', 'page_token=%ff', 'user_id=usr_1', 'connector=a&connection_names=b']) {
            assertProblem(await get(`?${query}`), 400, 'invalid-request');
        }
        const answer = await callApi(stack, `${ACCOUNTS}?page_size=1`, { token, user: ADA, method: 'HEAD' });
        assert.equal(answer.status, 200);
        assert.equal(answer.text, '');
        const offered = await callApi(stack, '/api/v1/connections/app?page_size=2', { token, user: ADA });
        assert.equal(offered.json.connections.length, 2);
        assert.ok(offered.json.total_size > 4);
    });

    it('never answers with credentials, and has no address for them', async () => {
        for (const answer of [await details('gmail'), await get('?page_size=100')]) {
            assert.equal(answer.status, 200);
            assert.doesNotMatch(answer.text, /authorization_details|sim_provider|api_config/);
        }
        assertProblem(await get('/auth?connector=gmail'), 404, 'not-found');
        const body = { connector: 'linear', connected_account: { authorization_details: { oauth_token: { access_token: 'not-for-us' } } } };
        const refused = await post('', body);
        assertProblem(refused, 400, 'invalid-request');
        assert.doesNotMatch(refused.text, /not-for-us/);
        assert.equal(await asked('GET', `${ACCOUNTS}/auth`), 0);
        assert.equal(await asked('PUT', ACCOUNTS), 0);
        assert.doesNotMatch(stack.programs.gatehouse.text(), /not-for-us/);
    });

    it('somebody else\'s account is answered like none', async () => {
        await stack.simPost('/sim/accounts', { connector: 'slack', identifier: GRACE, status: 'ACTIVE' });
        const { json: hers } = await details('slack', { user: GRACE });
        const { id } = hers.connected_account;
        const detailOf = async (answer) => assertProblem(await answer, 404, 'not-found').detail;
        const unknown = await detailOf(get('/details?id=ca_nobody'));
        assert.equal(await detailOf(get(`/details?id=${id}`)), unknown);
        assert.equal(await detailOf(post('/magic_link', { id })), unknown);
        assert.equal(await detailOf(post(`/${id}:disconnect`, {}, { token: writer })), unknown);
        assert.equal(await detailOf(post('/-:disconnect', { id }, { token: writer })), unknown);
        assert.equal(await detailOf(post(':delete', { id }, { token: writer })), unknown);
        assert.equal(await detailOf(callApi(stack, '/api/v1/execute_tool', {
            token, user: ADA, body: { tool_name: 'slack_post_message', connected_account_id: id },
        })), 'This user has no connected account with that id.');
        assert.equal((await details('slack', { user: GRACE })).json.connected_account.status, 'ACTIVE');
        assertProblem(await details('slack', { token: stack.token({ users: ADA }), user: GRACE }), 403, 'forbidden');
    });

    it('addresses that are made to hurt', async () => {
        for (const id of ['%2e%2e', 'a%3ab', '%25', 'ca_%e2%82%ac', '%20', encodeURIComponent('x'.repeat(500))]) {
            assertProblem(await post(`/${id}:disconnect`, {}, { token: writer }), 404, 'not-found');
        }
        for (const where of ['/a%2fb:disconnect', '/a%5cb:disconnect', '/%ff:disconnect', '/%00:disconnect']) {
            // As it is written: fetch would tidy it up first.
            const body = '{}';
            const raw = await sendRaw(stack.url, `POST ${ACCOUNTS}${where} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n`
                + `Authorization: Bearer ${writer}\r\nGatehouse-User: ${ADA}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
            assert.ok([400, 404].includes(raw.status), `${where}: ${raw.status}`);
        }
        for (const [method, where] of [['PUT', ''], ['DELETE', ''], ['GET', ':delete'], ['GET', '/ca_1:disconnect'], ['POST', '/details'], ['PATCH', '/magic_link']]) {
            const answer = await callApi(stack, ACCOUNTS + where, { token: writer, user: ADA, method, ...(method === 'GET' ? {} : { body: {} }) });
            assertProblem(answer, 405, 'method-not-allowed');
            assert.ok(answer.headers.get('allow'));
        }
        assert.equal((await stack.simLog()).filter((entry) => /:(disconnect|delete)/.test(entry.path)).length, 0);
    });

    describe('making an account, while Scalekit', () => {
        const create = (connector, options) => post('', { connector, connected_account: {} }, options);
        const fault = (wish) => stack.fault({ method: 'POST', match: ACCOUNTS, times: 1, ...wish });
        const gone = async (connector) => assertProblem(await details(connector), 404, 'not-found');

        it('is slow', async () => {
            await fault({ latency_ms: 700 });
            const answer = await create('googlecalendar');
            assert.equal(answer.status, 201, answer.text);
            assert.equal(answer.json.connected_account.status, 'PENDING_AUTH');
            assert.equal(answer.json.connected_account.identifier, ADA);
            assertProblem(await create('googlecalendar'), 409, 'conflict');
            assert.deepEqual(events('googlecalendar'), [{ old_status: null, new_status: 'PENDING_AUTH', source: 'connect' }]);
        });

        it('refuses, or answers what makes no sense', async () => {
            const cases = [
                [{ status: 400 }, 502, 'upstream-invalid'],
                [{ status: 401, times: -1 }, 502, 'upstream-invalid'],
                [{ status: 403 }, 502, 'upstream-invalid'],
                [{ status: 404 }, 404, 'not-found'],
                [{ status: 409 }, 409, 'conflict'],
                [{ status: 429, retry_after: 2 }, 429, 'rate-limited'],
                [{ status: 500 }, 503, 'upstream-unavailable'],
                [{ status: 503 }, 503, 'upstream-unavailable'],
                [{ kind: 'rubbish' }, 503, 'upstream-unavailable'],
                [{ kind: 'html' }, 503, 'upstream-unavailable'],
                [{ kind: 'cut' }, 503, 'upstream-unavailable'],
                [{ kind: 'reset' }, 503, 'upstream-unavailable'],
            ];
            for (const [wish, status, slug] of cases) {
                await fault(wish);
                assertProblem(await create('linear'), status, slug);
                await stack.clearFaults();
            }
            await gone('linear');
        });

        it('takes the portal\'s token for an old one', async () => {
            await stack.simPost('/sim/expire-tokens', {});
            assert.equal((await create('linear')).status, 201);
        });

        it('did it, and its answer was lost', async () => {
            await fault({ kind: 'cut', after: true });
            const answer = await create('hubspot');
            assert.equal(answer.status, 201, answer.text);
            assert.equal(answer.json.connected_account.status, 'PENDING_AUTH');
        });
    });

    it('what needs no consent is connected by making it, which is a right of its own', async () => {
        const hackernews = { connector: 'hackernews', connected_account: {} };
        assert.match(assertProblem(await post('', hackernews), 403, 'forbidden').detail, /rule: scope accounts:write/);
        const made = await post('', hackernews, { token: writer });
        assert.deepEqual([made.status, made.json.connected_account.status], [201, 'ACTIVE']);
    });

    it('ending needs a right of its own, and is on record', async () => {
        for (const [where, body] of [['/-:disconnect', { id: 'ca_1' }], [':delete', { connector: 'gmail' }]]) {
            assert.match(assertProblem(await post(where, body), 403, 'forbidden').detail, /rule: scope accounts:write/);
        }
        const narrow = stack.token({ scopes: WRITES, connections: '* !gmail' });
        assert.match(assertProblem(await post(':delete', { connector: 'gmail' }, { token: narrow }), 403, 'forbidden').detail, /rule: connections, !gmail/);
        const { id } = (await details('gmail')).json.connected_account;
        assertProblem(await post(`/${id}:disconnect`, {}, { token: narrow }), 403, 'forbidden');
        assert.equal((await details('gmail')).json.connected_account.status, 'ACTIVE');

        const disconnected = await post(`/${id}:disconnect`, {}, { token: writer });
        assert.equal(disconnected.status, 200, disconnected.text);
        assert.equal(disconnected.json.connected_account.status, 'DISCONNECTED');
        assert.deepEqual(events('gmail').at(-1), { old_status: 'ACTIVE', new_status: 'DISCONNECTED', source: 'disconnect' });
        const deleted = await post(':delete', { connector: 'gmail' }, { token: writer });
        assert.deepEqual([deleted.status, deleted.json], [200, {}]);
        assert.deepEqual(events('gmail').at(-1), { old_status: 'DISCONNECTED', new_status: null, source: 'disconnect' });
        assertProblem(await details('gmail'), 404, 'not-found');
        assertProblem(await post(':delete', { connector: 'gmail' }, { token: writer }), 404, 'not-found');

        await stack.fault({ match: `${ACCOUNTS}:delete`, status: 503, times: 1 });
        assertProblem(await post(':delete', { connector: 'slack' }, { token: writer }), 503, 'upstream-unavailable');
        assert.equal((await details('slack')).json.connected_account.status, 'ACTIVE');
    });

    it('a page of the portal may end with its proof, another site may not', async () => {
        const { id } = (await details('github')).json.connected_account;
        const headers = { 'content-type': 'application/json' };
        const end = (extra) => ada.request(`${stack.url}${ACCOUNTS}/${id}:disconnect`, { method: 'POST', body: '{}', headers: { ...headers, ...extra } });
        assert.equal((await end({})).status, 403);
        const csrf = await csrfOf(ada, stack);
        assert.equal((await end({ 'gatehouse-csrf': csrf, origin: 'https://evil.example' })).status, 403);
        assert.equal((await end({ 'gatehouse-csrf': csrf, origin: stack.url })).status, 200);
        assert.equal((await details('github')).json.connected_account.status, 'DISCONNECTED');
    });

    it('an account that is younger than the record can be called by its id at once', async () => {
        const answer = await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'ACTIVE' });
        const id = JSON.parse(await answer.text()).id;
        assert.match(id, /^ca_/);
        const run = await callApi(stack, '/api/v1/execute_tool', {
            token, user: ADA, body: { tool_name: 'gmail_fetch_mails', connected_account_id: id, params: {} },
        });
        assert.equal(run.status, 200, run.text);
    });
});
