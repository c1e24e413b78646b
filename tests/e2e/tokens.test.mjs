// Access keys and limits: people's own pages, rules that deny, rates, and one caller that floods while another works.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, field, startStack } from './harness.mjs';
import { ADA, GRACE, assertGuarded, assertProblem, callApi, connect, csrfOf, executeTool, fetchMails, unescapeHtml } from './steps.mjs';

const sendMail = { tool_name: 'gmail_send_mail', connector: 'gmail', params: {} };

describe('access keys', () => {
    let stack;
    let ada;
    let grace;
    before(async () => {
        stack = await startStack();
        ada = new Browser();
        await ada.signIn(stack, 'ada');
        await connect(ada, stack, 'gmail');
        grace = new Browser();
        await grace.signIn(stack, 'grace');
    });
    after(() => stack?.stop());

    const make = async (browser, fields) => browser.request(`${stack.url}/tokens`, {
        form: { csrf: await csrfOf(browser, stack), label: 'Laptop', may: 'run', reach: 'all', days: '90', ...fields },
    });
    const keyOn = (page) => {
        assert.equal(page.status, 200, page.text);
        return /<code id="key">(ghp_[\w-]{43})<\/code>/.exec(page.text)[1];
    };
    const revokePath = async (browser) => {
        const page = await browser.request(`${stack.url}/tokens`);
        return unescapeHtml(/href="(\/tokens\/tok_[^"]+\/revoke)"/.exec(page.text)[1]);
    };

    it('made by a form, shown once, used, seen as used, revoked', async () => {
        const made = await make(ada, {});
        assertGuarded(made);
        const key = keyOn(made);
        assert.equal(made.headers.get('set-cookie'), null);
        assert.equal((await executeTool(stack, key, fetchMails, { user: undefined })).status, 200);
        const list = await ada.request(`${stack.url}/tokens`);
        assert.ok(!list.text.includes(key));
        assert.match(list.text, /Last used <time[^>]*>just now/);
        const path = await revokePath(ada);
        const ask = await ada.request(`${stack.url}${path}`);
        assert.match(ask.text, /What stops working/);
        const done = await ada.request(`${stack.url}${path}`, { form: { csrf: field(ask.text, 'csrf') } });
        assert.equal(new URL(done.location).pathname, '/tokens');
        assert.match((await ada.request(done.location)).text, /“Laptop” is revoked/);
        assertProblem(await callApi(stack, '/api/v1/me', { token: key }), 401, 'unauthenticated');
        // Nowhere but in its owner's hands: not in the database, not in a log, not in what nginx noted.
        assert.throws(() => execFileSync('grep', ['-rlaF', key, stack.run]), ({ status }) => status === 1);
    });

    it('that only looks, and only where it was ticked', async () => {
        const looks = keyOn(await make(ada, { label: 'looks', may: 'see' }));
        assert.equal((await callApi(stack, '/api/v1/tools/scoped', { token: looks })).status, 200);
        const refused = await executeTool(stack, looks, fetchMails, { user: undefined });
        assert.match(assertProblem(refused, 403, 'forbidden').detail, /scope tools:execute/);
        const slackOnly = keyOn(await make(ada, { label: 'slack', reach: 'chosen', connection: 'slack' }));
        assert.match(assertProblem(await executeTool(stack, slackOnly, fetchMails, { user: undefined }), 403, 'forbidden').detail, /rule: connections/);
    });

    it('of somebody else are not there', async () => {
        keyOn(await make(ada, { label: 'adas own' }));
        const path = await revokePath(ada);
        const before = stack.sql("SELECT count(*) AS n FROM api_token WHERE revoked_at IS NULL")[0].n;
        assert.ok(!(await grace.request(`${stack.url}/tokens`)).text.includes('adas own'));
        assert.equal((await grace.request(`${stack.url}${path}`)).status, 404);
        const answer = await grace.request(`${stack.url}${path}`, { form: { csrf: await csrfOf(grace, stack) } });
        assert.equal(answer.status, 404);
        assert.equal(stack.sql("SELECT count(*) AS n FROM api_token WHERE revoked_at IS NULL")[0].n, before);
    });

    it('cannot make, see or revoke keys themselves', async () => {
        const key = keyOn(await make(ada, { label: 'mother' }));
        const path = await revokePath(ada);
        for (const [where, method] of [['/tokens', 'GET'], ['/tokens', 'POST'], ['/tokens/new', 'GET'], [path, 'GET'], [path, 'POST']]) {
            const answer = await callApi(stack, where, { token: key, method });
            assert.equal(answer.status, 303, `${method} ${where}`);
            assert.match(answer.headers.get('location'), /^\/signin/);
        }
    });
});

describe('rules that deny', () => {
    let stack;
    before(async () => {
        stack = await startStack();
        for (const identifier of [ADA, GRACE]) await stack.simPost('/sim/accounts', { connector: 'gmail', identifier, status: 'ACTIVE' });
    });
    after(() => stack?.stop());

    it('win over those that allow, before Scalekit hears of it, and are recorded', async () => {
        const token = stack.token({ tools: '!*_send_* gmail_*' });
        assert.equal((await executeTool(stack, token)).status, 200);
        for (const tool_name of ['gmail_send_mail', 'GMAIL_SEND_MAIL', 'gmail_send_']) {
            const answer = await executeTool(stack, token, { ...sendMail, tool_name });
            assert.match(assertProblem(answer, 403, 'forbidden').detail, /\(rule: tools, !\*_send_\*\)/);
        }
        assert.equal(stack.sql("SELECT count(*) AS n FROM tool_call WHERE outcome = 'denied'")[0].n, 3);
        assert.equal((await stack.simLog()).filter(({ path }) => path === '/api/v1/execute_tool').length, 1);
        const tools = await callApi(stack, '/api/v1/tools/scoped', { token, user: ADA });
        assert.doesNotMatch(tools.text, /_send_/);
    });

    it('for users: a domain but not its guests', async () => {
        const token = stack.token({ users: '*@example.com !grace@*' });
        assert.equal((await executeTool(stack, token)).status, 200);
        const answer = await executeTool(stack, token, fetchMails, { user: GRACE });
        assert.match(assertProblem(answer, 403, 'forbidden').detail, /\(rule: users, !grace@\*\)/);
        assertProblem(await executeTool(stack, token, fetchMails, { user: 'ada@example.com.evil.example' }), 403, 'forbidden');
    });

    it('are shown by gatehousectl, and refused when they make no sense', () => {
        stack.token({ label: 'shown', users: '*@example.com !grace@*', connections: 'gmail', tools: 'gmail_* !gmail_send_*' });
        const lines = stack.ctl('token', 'list').split('\n');
        const at = lines.findIndex((line) => /^tok_\S+\t.*\tshown$/.test(line));
        assert.equal(lines[at + 1], '\tscopes tools:read tools:execute\tconnections gmail\ttools gmail_* !gmail_send_*\tusers *@example.com !grace@*');
        for (const tools of ['!', '* !', '!!x']) assert.throws(() => stack.token({ tools }));
        for (const rate of ['0', '-1', 'x', '1000001', '']) {
            assert.throws(() => stack.ctl('token', 'create', '--service', '--users', '*', '--label', 'x', '--rate', rate));
        }
    });
});

describe('limits of callers', () => {
    let stack;
    before(async () => {
        // So few places that one flood without limits would fill them all.
        stack = await startStack({ env: { GATEHOUSE_IN_FLIGHT_MAX: '100', GATEHOUSE_USER_IN_FLIGHT_MAX: '20', GATEHOUSE_TOKEN_IN_FLIGHT_MAX: '30' } });
        for (const identifier of [ADA, GRACE]) await stack.simPost('/sim/accounts', { connector: 'gmail', identifier, status: 'ACTIVE' });
    });
    afterEach(() => stack.clearFaults());
    after(() => stack?.stop());

    it('a token\'s rate', async () => {
        const token = stack.ctl('token', 'create', '--service', '--users', '*', '--label', 'slow', '--connections', '*', '--tools', '*',
            '--rate', '5', '--quiet').trim();
        assert.match(stack.ctl('token', 'list'), /\trate 5 a minute\n/);
        for (let left = 4; left >= 0; left--) {
            const answer = await executeTool(stack, token);
            assert.equal(answer.status, 200);
            assert.equal(answer.headers.get('ratelimit-limit'), '5');
            assert.equal(answer.headers.get('ratelimit-remaining'), String(left));
        }
        const answer = await executeTool(stack, token);
        const problem = assertProblem(answer, 429, 'too-many-calls');
        assert.equal(problem.source, 'gatehouse');
        assert.ok(Number(answer.headers.get('retry-after')) >= 1 && Number(answer.headers.get('retry-after')) <= 12);
        assert.equal(answer.headers.get('ratelimit-remaining'), '0');
        assert.equal((await executeTool(stack, stack.token())).status, 200);
    });

    it('Scalekit\'s limit and an app\'s are told apart from it', async () => {
        const token = stack.token();
        await stack.fault({ match: '/api/v1/execute_tool', status: 429, error_code: 'RATE_LIMITED' });
        assert.equal(assertProblem(await executeTool(stack, token), 429, 'rate-limited').source, 'scalekit');
        await stack.clearFaults();
        const app = await executeTool(stack, token, { ...fetchMails, params: { sim_error: 429 } });
        assert.equal(assertProblem(app, 422, 'provider-error').source, 'provider');
    });

    it('one service token that acts for many users cannot take all places', async () => {
        const greedy = stack.token({ label: 'greedy' });
        const other = stack.token({ label: 'other', users: GRACE });
        const users = Array.from({ length: 12 }, (_, at) => `user-${at}@example.com`);
        for (const identifier of users) await stack.simPost('/sim/accounts', { connector: 'gmail', identifier, status: 'ACTIVE' });
        await stack.fault({ match: '/api/v1/execute_tool', latency_ms: process.env.GATE_SANITIZED ? 6000 : 1500 });
        // Ten calls for each of twelve users, none beyond a user's own limit, and more than the portal has places for.
        const calls = users.flatMap((user) => Array.from({ length: 10 }, () => executeTool(stack, greedy, fetchMails, { user })));
        const first = await Promise.race(calls);
        assert.equal(first.status, 429, 'refused at once, without waiting');
        assert.match(first.json.detail, /This token has 30 calls under way already/);
        assert.equal((await executeTool(stack, other, fetchMails, { user: GRACE })).status, 200);
        const statuses = (await Promise.all(calls)).map(({ status }) => status);
        assert.ok(statuses.filter((status) => status === 200).length >= 30, String(statuses));
        assert.deepEqual([...new Set(statuses)].sort(), [200, 429]);
    });

    it('one caller floods, and another does not notice', async (t) => {
        const flooding = stack.token({ label: 'flood', users: ADA });
        const calm = stack.token({ label: 'calm', users: GRACE });
        const browser = new Browser();
        await browser.signIn(stack, 'grace');
        await stack.fault({ match: '/api/v1/execute_tool', latency_ms: 200 });
        // The same call at Scalekit itself, at the same time: what the machine makes of it, without a portal between.
        const form = new URLSearchParams({
            grant_type: 'client_credentials', client_id: stack.settings.SCALEKIT_CLIENT_ID,
            client_secret: readFileSync(stack.settings.SCALEKIT_CLIENT_SECRET_FILE, 'utf8'),
        });
        const { access_token: direct } = await (await fetch(`${stack.sim}/oauth/token`, { method: 'POST', body: form })).json();
        const timed = async (call) => {
            const start = performance.now();
            assert.equal((await call()).status, 200);
            return performance.now() - start;
        };
        const measure = async () => {
            const times = { portal: [], direct: [] };
            for (let i = 0; i < 9; i++) {
                times.portal.push(await timed(() => executeTool(stack, calm, fetchMails, { user: GRACE })));
                times.direct.push(await timed(() => callApi({ ...stack, url: stack.sim }, '/api/v1/execute_tool', {
                    token: direct, body: { ...fetchMails, identifier: GRACE },
                })));
            }
            return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, list.sort((a, b) => a - b)[4]]));
        };
        const alone = await measure();

        const statuses = new Map();
        let flood = true;
        // More at a time than the portal has places for in all.
        const floods = Array.from({ length: 150 }, async () => {
            while (flood) {
                const { status } = await executeTool(stack, flooding);
                statuses.set(status, (statuses.get(status) ?? 0) + 1);
                // As a client that ignores Retry-After, but leaves the machine the test runs on some air.
                if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
            }
        });
        let busy;
        try {
            busy = await measure();
            assert.equal((await browser.request(`${stack.url}/`)).status, 200);
        } finally {
            flood = false;
            await Promise.all(floods);
        }
        const shown = (times) => `${times.portal.toFixed()} ms (${times.direct.toFixed()} ms without the portal)`;
        const seen = `alone ${shown(alone)}, beside a flood ${shown(busy)}; the flood got ${JSON.stringify([...statuses])}`;
        t.diagnostic(seen);
        assert.deepEqual([...statuses.keys()].sort(), [200, 429], seen);
        assert.ok(statuses.get(429) > statuses.get(200), seen);
        // The call has three legs instead of one (to nginx, Gatehouse, Scalekit), so a machine that is busy slows it down by
        // up to as much more; standing in line behind the flood would take a multiple of that.
        assert.ok(busy.portal < 4 * busy.direct, seen);
        // Its places came back, and the flood's calls never made it to Scalekit beyond them.
        await stack.clearFaults();
        assert.equal((await executeTool(stack, flooding)).status, 200);
    });
});
