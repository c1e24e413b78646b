// Every route × every kind of caller. A row of src/web/routes.c that is missing here fails the test.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, source, startStack, until } from './harness.mjs';
import { ADA, GRACE, assertGuarded, csrfOf, fetchMails } from './steps.mjs';

// What an answer may be. A page and a problem say their request id; a redirect is a 303 to where it says.
const page = (status) => ({ status, kind: 'page' });
const problem = (status) => ({ status, kind: 'problem' });
const redirect = (where) => ({ status: 303, kind: 'redirect', where });
const json = { status: 200, kind: 'json' };
const message = { status: 200, kind: 'grpc', answered: true };
const noMessage = { status: 200, kind: 'grpc', answered: false };
const toSignin = redirect(/^\/signin(\?|$)/);

const callers = ['nobody', 'browser', 'browserWithCsrf', 'crossSite', 'sameSite', 'foreignOrigin', 'wrongCsrf', 'endedSession',
    'personal', 'revoked', 'expired', 'serviceWithoutUser', 'service', 'serviceForStranger', 'garbage', 'garbageAndCookie',
    'serviceAndCookie', 'basic'];
const browsers = ['browser', 'browserWithCsrf', 'crossSite', 'sameSite', 'foreignOrigin', 'wrongCsrf'];
const all = (answer, but = {}) => ({ ...Object.fromEntries(callers.map((caller) => [caller, answer])), ...but });
const each = (names, answer) => Object.fromEntries(names.map((name) => [name, answer]));

// Pages are for browsers that are signed in; looking does not need a CSRF token. Tokens open no pages.
// What stands in Authorization is no business of a page: a proxy in front may have its own use for it.
const withCookie = [...browsers, 'garbageAndCookie', 'serviceAndCookie'];
const forBrowsers = (answer) => all(toSignin, each(withCookie, answer));
// Forms must come from a page of ours. Beyond that: whatever the handler says.
const forForms = (answer) => all(toSignin, {
    ...each(withCookie, page(403)), browserWithCsrf: answer, garbageAndCookie: answer,
});
const forEverybody = (answer, signedIn = answer) => all(answer, each(withCookie, signedIn));
// Reading through the API needs no CSRF token (other sites cannot see the answer), acting does.
const forApi = (answer, { withoutUser = problem(400), acts = false } = {}) => all(problem(401), {
    ...each(browsers, acts ? problem(403) : answer),
    ...each(['browserWithCsrf', 'personal', 'service', 'serviceAndCookie'], answer),
    serviceWithoutUser: withoutUser,
    serviceForStranger: problem(403),
});
// Ending connections is for the person, and for tokens that were given the right to; these were not.
const forEnding = (answer) => ({ ...forApi(problem(403), { acts: true }), browserWithCsrf: answer });

// The SDKs' calls take tokens alone, and every answer is a 200; whether it holds a message tells what it was.
const forGrpc = (answer, { withoutUser = noMessage } = {}) => all(noMessage, {
    ...each(['personal', 'service', 'serviceAndCookie'], answer), serviceWithoutUser: withoutUser,
});
const ACCOUNTS = '/scalekit.v1.connected_accounts.ConnectedAccountService/';
const frame = (...bytes) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
const slackFrame = frame(0x1a, 5, ...Buffer.from('slack'));
const orderFrame = frame(0x0a, 17, ...Buffer.from(fetchMails.tool_name), 0x2a, 5, ...Buffer.from('gmail'));

// method, pattern, what is asked for, expected answers. Gmail is not connected, so execute_tool ends in 409; Slack was once.
const table = [
    ['GET', '/', {}, forBrowsers(page(200))],
    ['GET', '/connectors/{connection}', {}, forBrowsers(page(200))],
    ['POST', '/connectors/{connection}/connect', { connection: 'notion', form: {} }, forForms(redirect(/^http:\/\/127\.0\.0\.1:\d+\/(?!connect)/))],
    ['GET', '/connectors/{connection}/disconnect', { connection: 'slack' }, forBrowsers(page(200))],
    ['POST', '/connectors/{connection}/disconnect', { connection: 'github', form: { action: 'disconnect' } }, forForms(redirect(/^\/$/))],
    ['GET', '/connect/callback', {}, forBrowsers(page(404))],
    ['GET', '/connect/{connection}', {}, forBrowsers(page(200))],
    ['GET', '/tokens', {}, forBrowsers(page(200))],
    ['POST', '/tokens', { form: { label: 'x', may: 'see', reach: 'all', days: '30' } }, forForms(page(200))],
    ['GET', '/tokens/new', {}, forBrowsers(page(200))],
    ['GET', '/tokens/{token}/revoke', { token: 'tok_none' }, forBrowsers(page(404))],
    ['POST', '/tokens/{token}/revoke', { token: 'tok_none', form: {} }, forForms(page(404))],
    ['GET', '/signin', {}, forEverybody(page(200), redirect(/^\/$/))],
    ['GET', '/signin/callback', {}, forEverybody(page(409))],
    ['POST', '/signin/backchannel-logout', { form: { logout_token: 'x' } }, forEverybody(problem(400))],
    ['POST', '/signout', { form: {} }, forForms(redirect(/\/oidc\/logout\?/))],
    ['GET', '/signed-out', {}, forEverybody(page(200))],
    ['POST', '/oauth/token', { form: { grant_type: 'client_credentials' } }, forEverybody({ status: 401, kind: 'json' })],
    ['GET', '/.well-known/oauth-authorization-server', {}, forEverybody(json)],
    ['GET', '/api/v1/me', {}, forApi(json, { withoutUser: json })],
    ['GET', '/api/v1/connections', {}, forApi(json)],
    ['GET', '/api/v1/connections/app', {}, forApi(json)],
    ['GET', '/api/v1/connections/{connection}', {}, forApi(json)],
    ['GET', '/api/v1/connected_accounts', {}, forApi(json)],
    ['POST', '/api/v1/connected_accounts', { json: { connector: 'slack' } }, forApi(problem(409), { acts: true })],
    ['POST', '/api/v1/connected_accounts:delete', { json: { id: 'ca_none' } }, forEnding(problem(404))],
    ['GET', '/api/v1/connected_accounts/details', {}, forApi(problem(400))],
    ['POST', '/api/v1/connected_accounts/magic_link', { json: { connector: 'notion' } }, forApi(json, { acts: true })],
    ['POST', '/api/v1/connected_accounts/{id}:disconnect', { json: {} }, forEnding(problem(404))],
    ['GET', '/api/v1/tools/scoped', {}, forApi(json)],
    ['GET', '/api/v1/tools/available', {}, forApi(json)],
    ['POST', '/api/v1/execute_tool', { json: fetchMails }, forApi(problem(409), { acts: true })],
    ['POST', '/scalekit.v1.tools.ToolService/ListScopedTools', { grpc: frame() }, forGrpc(message)],
    ['POST', '/scalekit.v1.tools.ToolService/ListAvailableTools', { grpc: frame() }, forGrpc(message)],
    ['POST', '/scalekit.v1.tools.ToolService/ListTools', { grpc: frame() }, forGrpc(message, { withoutUser: message })],
    ['POST', '/scalekit.v1.tools.ToolService/ExecuteTool', { grpc: orderFrame }, forGrpc(noMessage)],
    ['POST', '/scalekit.v1.connections.ConnectionService/ListAppConnections', { grpc: frame() }, forGrpc(message, { withoutUser: message })],
    ['POST', `${ACCOUNTS}ListConnectedAccounts`, { grpc: frame() }, forGrpc(message, { withoutUser: message })],
    ['POST', `${ACCOUNTS}GetConnectedAccountDetails`, { grpc: slackFrame }, forGrpc(message)],
    ['POST', `${ACCOUNTS}GetConnectedAccountAuth`, { grpc: slackFrame }, forGrpc(message)],
    ['POST', `${ACCOUNTS}CreateConnectedAccount`, { grpc: slackFrame }, forGrpc(noMessage)], // there is one
    ['POST', `${ACCOUNTS}GetMagicLinkForConnectedAccount`, { grpc: slackFrame }, forGrpc(message)],
    ['POST', `${ACCOUNTS}DisconnectConnectedAccount`, { grpc: frame(0x0a, 4, ...Buffer.from('ca_x')) }, forGrpc(noMessage)],
    ['POST', `${ACCOUNTS}DeleteConnectedAccount`, { grpc: frame(0x1a, 7, ...Buffer.from('nothing')) }, forGrpc(noMessage)],
    ['POST', '/webhooks/scalekit', { json: {} }, forEverybody(problem(401))],
    // Any method, for tokens alone, and only those that were given the right.
    ['DELETE', '/proxy/{path...}', {}, forApi(problem(403), { acts: true })],
    ['GET', '/known-token', {}, all(problem(404), each(['revoked', 'expired', 'garbage', 'garbageAndCookie', 'basic'], problem(401)))], // for nginx alone
    ['GET', '/healthz', {}, forEverybody(json)],
    ['GET', '/readyz', {}, forEverybody(json)],
    ['GET', '/metrics', {}, forEverybody(problem(404))], // through the public door
];

function rowsOfTheProgram() {
    const text = readFileSync(path.join(source, 'src/web/routes.c'), 'utf8');
    const rows = [...text.matchAll(/^\s*\{(?:"([A-Z]+)"|GATE_METHOD_ANY),\s+"([^"]+)",\s+gate_/gm)]
        .map(([, method = 'DELETE', pattern]) => `${method} ${pattern}`);
    const body = /gate_routes\[\] = \{(.*?)^\};/ms.exec(text)[1];
    assert.equal(rows.length, [...body.matchAll(/gate_\w+_handle/g)].length, 'the table is written in a way this test cannot read');
    return rows;
}

describe('every route × every caller', () => {
    let stack;
    const tokens = {};
    before(async () => {
        stack = await startStack({ webhooks: true });
        await stack.simPost('/sim/accounts', { connector: 'slack', identifier: ADA, status: 'EXPIRED' });
        const ada = new Browser();
        await ada.signIn(stack);
        tokens.personal = stack.token({ personal: ADA });
        tokens.service = stack.token({ users: ADA });
        tokens.revoked = stack.token({ personal: ADA, label: 'gone' });
        tokens.expired = stack.token({ personal: ADA, label: 'old', days: 1 });
        stack.sql("UPDATE api_token SET expires_at = created_at + 1 WHERE label = 'old'", { write: true });
        const id = /^(tok_\S+)\t.*\tgone$/m.exec(stack.ctl('token', 'list'))[1];
        stack.ctl('token', 'revoke', id);
    });
    after(() => stack?.stop());

    const bearer = (token) => ({ authorization: `Bearer ${token}` });
    const act = (token, user) => ({ ...bearer(token), 'gatehouse-user': user });
    // A caller's browser and headers. Signing in anew each time, because some routes end the session.
    async function makeCaller(name) {
        const browser = new Browser();
        const signedIn = [...browsers, 'endedSession', 'garbageAndCookie', 'serviceAndCookie'].includes(name);
        if (signedIn) await browser.signIn(stack);
        const csrf = signedIn ? await csrfOf(browser, stack) : undefined;
        if (name === 'endedSession') {
            const cookies = new Map(browser.jar(stack.url));
            await browser.request(`${stack.url}/signout`, { form: { csrf } });
            browser.cookies.set(new URL(stack.url).host, cookies);
        }
        const made = {
            nobody: {}, browser: {}, endedSession: { csrf },
            browserWithCsrf: { csrf, headers: { origin: stack.url, 'sec-fetch-site': 'same-origin' } },
            crossSite: { csrf, headers: { 'sec-fetch-site': 'cross-site' } },
            sameSite: { csrf, headers: { 'sec-fetch-site': 'same-site' } },
            foreignOrigin: { csrf, headers: { origin: 'https://evil.example' } },
            wrongCsrf: { csrf: 'A'.repeat(43) },
            personal: { headers: bearer(tokens.personal) },
            revoked: { headers: bearer(tokens.revoked) },
            expired: { headers: bearer(tokens.expired) },
            serviceWithoutUser: { headers: bearer(tokens.service) },
            service: { headers: act(tokens.service, ADA) },
            serviceForStranger: { headers: act(tokens.service, GRACE) },
            garbage: { headers: bearer('ghp_garbage') },
            garbageAndCookie: { csrf, headers: bearer('ghp_garbage') },
            serviceAndCookie: { headers: act(tokens.service, ADA) },
            basic: { headers: { authorization: 'Basic YWRhOmFkYQ==' } },
        }[name];
        return { browser, csrf: made.csrf, headers: made.headers ?? {} };
    }

    const ask = (caller, [method, pattern, wish]) => {
        const url = stack.url + pattern.replace('{connection}', wish.connection ?? 'gmail').replace('{token}', wish.token).replace('{id}', 'ca_none');
        const headers = { ...caller.headers };
        if (wish.form) {
            const form = { ...wish.form, ...(caller.csrf ? { csrf: caller.csrf } : {}) };
            return caller.browser.request(url, { form, headers });
        }
        if (caller.csrf) headers['gatehouse-csrf'] = caller.csrf;
        if (wish.grpc) headers['content-type'] = 'application/grpc';
        if (wish.json) headers['content-type'] = 'application/json';
        return caller.browser.request(url, { method, headers, body: wish.grpc ?? (wish.json && JSON.stringify(wish.json)) });
    };

    function check(answer, expected) {
        assert.equal(answer.status, expected.status);
        assertGuarded(answer);
        const id = answer.headers.get('x-request-id');
        const type = answer.headers.get('content-type');
        if (expected.kind === 'page') {
            assert.match(type, /^text\/html; charset=utf-8$/);
            assert.match(answer.text, /<\/html>/);
            if (answer.status >= 400) assert.ok(answer.text.includes(id), 'the page does not show its request id');
        } else if (expected.kind === 'redirect') {
            assert.match(answer.headers.get('location') ?? '', expected.where);
        } else if (expected.kind === 'problem') {
            assert.equal(type, 'application/problem+json');
            const body = JSON.parse(answer.text);
            assert.equal(body.status, expected.status);
            assert.equal(body.instance, id);
            if (expected.status === 401) assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
        } else if (expected.kind === 'grpc') {
            assert.equal(type, 'application/grpc');
            assert.equal(answer.text.length > 0, expected.answered);
            assert.deepEqual([...answer.headers.keys()].filter((header) => header.startsWith('x-grpc')), []);
        } else {
            assert.equal(type, 'application/json');
            JSON.parse(answer.text);
        }
        return id;
    }

    it('has a row here for every row of the program', () => {
        assert.deepEqual(table.map(([method, pattern]) => `${method} ${pattern}`).sort(), rowsOfTheProgram().sort());
    });

    for (const name of callers) {
        it(`for ${name}`, async () => {
            const wrong = [];
            const ids = new Map();
            let caller = await makeCaller(name);
            for (const row of table) {
                const [method, pattern, , expected] = row;
                const answer = await ask(caller, row);
                try {
                    ids.set(check(answer, expected[name]), `${method} ${pattern}`);
                } catch (error) {
                    wrong.push(`${method} ${pattern}: ${answer.status} ${answer.headers.get('location') ?? ''}: ${error.message}`);
                }
                if (pattern === '/signout') caller = await makeCaller(name);
            }
            assert.deepEqual(wrong, []);
            // A line is written when the answer has left, so the last one may still be on its way.
            await until('every request in the log, under the id of its answer', () => {
                const logged = new Map(stack.requests().map((line) => [line.request_id, `${line.method} ${line.route}`]));
                for (const [id, row] of ids) assert.equal(logged.get(id), row, id);
                return true;
            }, 2000);
        });
    }

    it('HEAD is answered like GET, without a body', async () => {
        const { browser } = await makeCaller('browser');
        for (const [, pattern] of table.filter(([method]) => method === 'GET').filter(([, where]) => !/callback|api/.test(where))) {
            const url = stack.url + pattern.replace('{connection}', 'gmail').replace('{token}', 'tok_none');
            const answer = await browser.request(url, { method: 'HEAD' });
            const full = await browser.request(url);
            assert.equal(answer.status, full.status, pattern);
            assert.equal(answer.text, '');
            assertGuarded(answer);
        }
    });

    it('a method that a path does not have: 405 with Allow', async () => {
        const { browser } = await makeCaller('browser');
        for (const [method, where, allow] of [
            ['POST', '/', 'GET, HEAD'], ['DELETE', '/connectors/gmail', 'GET, HEAD'], ['GET', '/signout', 'POST'],
            ['PUT', '/connectors/gmail/disconnect', 'GET, HEAD, POST'], ['PATCH', '/api/v1/me', 'GET, HEAD'],
            ['GET', '/api/v1/execute_tool', 'POST'], ['OPTIONS', '/api/v1/execute_tool', 'POST'], ['POST', '/healthz', 'GET, HEAD'],
        ]) {
            const answer = await browser.request(stack.url + where, { method });
            assert.equal(answer.status, 405, `${method} ${where}`);
            assert.equal(answer.headers.get('allow'), allow);
            assertGuarded(answer);
        }
    });

    it('an address that does not exist: a page for browsers, a problem for programs', async () => {
        const { browser } = await makeCaller('browser');
        for (const where of ['/nothing', '/connectors', '/connectors/', '/connectors/a/b', '/API/v1/me', '/index.html']) {
            const answer = await browser.request(stack.url + where);
            check(answer, page(answer.status));
            assert.ok([400, 404].includes(answer.status), `${where}: ${answer.status}`);
        }
        check(await browser.request(`${stack.url}/api/v1/nothing`), problem(404));
        check(await browser.request(`${stack.url}/nothing`, { headers: { accept: '*/*' } }), problem(404));
    });
});
